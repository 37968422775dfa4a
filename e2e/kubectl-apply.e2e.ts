/** Server-side apply as people use it: stock kubectl, on the server that the load balancer happens to choose. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Cluster, findKubectls } from './support/cluster.ts';

const cluster = new Cluster();
const kubectls = await findKubectls();

beforeAll(async () => {
  await cluster.up('--masters', '3', '--workers', '0');
});

afterAll(async () => {
  await cluster.destroy();
});

interface Entry {
  readonly manager: string;
  readonly operation: string;
}

const manifest = (replicas?: number) => `
apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
${replicas === undefined ? '' : `  replicas: ${replicas}`}
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      containers:
      - { name: main, image: trimast.local/busybox }
`;

describe.each([...kubectls])('kubectl 1.%s', (minor, binary) => {
  const namespace = `apply-${minor}`;
  const words = (args: string) => ['-n', namespace, ...args.split(' ')];
  const kubectl = (args: string, input?: string) => cluster.kubectl(`-n ${namespace} ${args}`, input);
  const replicas = async () => Number(await kubectl('get deployment web -o jsonpath={.spec.replicas}'));
  const managers = async () => {
    const object = JSON.parse(await kubectl('get deployment web -o json --show-managed-fields'));
    return (object.metadata.managedFields as Entry[]).map(({ manager, operation }) => `${manager} ${operation}`);
  };

  beforeAll(async () => {
    cluster.useKubectl(binary);
    await cluster.kubectl(`create namespace ${namespace}`);
  });

  test('applied by the server, created and unchanged', async () => {
    const first = await kubectl('apply --server-side -f -', manifest(1));
    expect(first).toContain('deployment.apps/web serverside-applied');
    const version = await kubectl('get deployment web -o jsonpath={.metadata.generation}');
    await kubectl('apply --server-side -f -', manifest(1));
    expect(await kubectl('get deployment web -o jsonpath={.metadata.generation}')).toBe(version);
    expect(await managers()).toContain('kubectl Apply');
  });

  test('managed fields are hidden unless asked for', async () => {
    expect(await kubectl('get deployment web -o yaml')).not.toContain('managedFields');
    expect(await kubectl('get deployment web -o yaml --show-managed-fields')).toContain('managedFields');
  });

  test('another manager gets a conflict that says what to do, and may force it', async () => {
    const args = 'apply --server-side --field-manager=robot -f -';
    const refused = await cluster.tryKubectl(words(args), manifest(3));
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('Apply failed with 1 conflict: conflict with "kubectl": .spec.replicas');
    expect(refused.stderr).toContain('--force-conflicts');
    expect(await replicas()).toBe(1);
    await kubectl('apply --server-side --field-manager=robot --force-conflicts -f -', manifest(3));
    expect(await replicas()).toBe(3);
    expect(await managers()).toContain('robot Apply');
  });

  test('what nobody applies any more goes back to its default', async () => {
    await kubectl('apply --server-side -f -', manifest());
    expect(await replicas()).toBe(3);
    await kubectl('apply --server-side --field-manager=robot -f -', manifest());
    expect(await replicas()).toBe(1);
  });

  test('a dry run says the same and changes nothing', async () => {
    const dry = await kubectl('apply --server-side --dry-run=server -f -', manifest(5));
    expect(dry).toContain('serverside-applied (server dry run)');
    expect(await replicas()).toBe(1);
  });

  test('from client-side to server-side apply, and a diff without a difference', async () => {
    await kubectl('delete deployment web --wait=false');
    await kubectl('apply -f -', manifest(2).replaceAll('web', 'site'));
    await kubectl('apply --server-side -f -', manifest(4).replaceAll('web', 'site'));
    expect(await kubectl('get deployment site -o jsonpath={.spec.replicas}')).toBe('4');
    expect(await kubectl('diff --server-side -f -', manifest(4).replaceAll('web', 'site'))).toBe('');
  });
});
