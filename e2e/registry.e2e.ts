/** Images pulled from a real registry, and archives loaded by hand. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Cluster, waitFor } from './support/cluster.ts';

const cluster = new Cluster();
const folder = mkdtempSync(join(tmpdir(), 'trimast-registry-'));
let registry: ChildProcess;
let address: string;

/** The archive of busybox that `up` has built. */
function busyboxArchive(): string {
  const images = readdirSync(cluster.dir, { recursive: true, encoding: 'utf8' }).filter((name) =>
    /busybox[^/]*\.tar$/.test(name),
  );
  expect(images.length, 'up keeps the archive in the cluster folder').toBeGreaterThan(0);
  return join(cluster.dir, images[0]!);
}

const pod = (name: string, image: string) =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: {
      restartPolicy: 'Never',
      terminationGracePeriodSeconds: 0,
      containers: [{ name: 'main', image, imagePullPolicy: 'IfNotPresent', command: ['echo', 'pulled'] }],
    },
  });

beforeAll(async () => {
  await cluster.up('--masters', '1', '--workers', '1');
  const { members } = await cluster.status();
  const host = members.find((member) => member.kind === 'lb')!.address;
  address = `${host}:5000`;
  mkdirSync(join(folder, 'data'));
  writeFileSync(
    join(folder, 'config.yml'),
    `version: 0.1\nstorage: { filesystem: { rootdirectory: ${join(folder, 'data')} } }\nhttp: { addr: '${address}' }\n`,
  );
  registry = spawn('docker-registry', ['serve', join(folder, 'config.yml')], { stdio: 'ignore' });
  await waitFor('the registry', async () => (await fetch(`http://${address}/v2/`)).ok);
});

afterAll(async () => {
  registry?.kill();
  await cluster.destroy();
  rmSync(folder, { recursive: true, force: true });
});

test('an image that only the registry has is pulled and runs', async () => {
  const image = `${address}/demo/busybox:1`;
  execFileSync('skopeo', [
    'copy',
    '--dest-tls-verify=false',
    '--insecure-policy',
    `oci-archive:${busyboxArchive()}`,
    `docker://${image}`,
  ]);
  // Plain http is refused unless the operator says so, in containerd's own form.
  mkdirSync(join(cluster.dir, 'config', 'registries', address), { recursive: true });
  writeFileSync(
    join(cluster.dir, 'config', 'registries', address, 'hosts.toml'),
    `server = "http://${address}"\n[host."http://${address}"]\n`,
  );
  await cluster.kubectl('apply -f -', pod('pulled', image));
  await waitFor(
    'the pod to end',
    async () => (await cluster.kubectl('get pod pulled -o jsonpath={.status.phase}')) === 'Succeeded',
  );
  expect(await cluster.kubectl('logs pulled')).toBe('pulled\n');
});

test('an image that nobody has: ErrImagePull or ImagePullBackOff with the reason, and the pod waits', async () => {
  await cluster.kubectl('apply -f -', pod('absent', `${address}/demo/none:1`));
  const reason = 'get pod absent -o jsonpath={.status.containerStatuses[0].state.waiting.reason}';
  await waitFor('the reason', async () => /ErrImagePull|ImagePullBackOff/.test(await cluster.kubectl(reason)));
  await waitFor('an event', async () =>
    (await cluster.kubectl('describe pod absent')).includes('Failed to pull image'),
  );
});

test('image load puts an archive onto every worker', async () => {
  const archive = join(folder, 'loaded.tar');
  execFileSync('skopeo', [
    'copy',
    '--insecure-policy',
    `oci-archive:${busyboxArchive()}`,
    `docker-archive:${archive}:example.test/loaded:1`,
  ]);
  await cluster.must('image', 'load', archive);
  await cluster.kubectl('apply -f -', pod('loaded', 'example.test/loaded:1'));
  await waitFor(
    'the pod to end',
    async () => (await cluster.kubectl('get pod loaded -o jsonpath={.status.phase}')) === 'Succeeded',
  );
});

test('image load of something that is no archive says so and changes nothing', async () => {
  const file = join(folder, 'no-archive.tar');
  writeFileSync(file, 'hello');
  const output = await cluster.trimast('image', 'load', file);
  expect(output.code).toBe(1);
  expect(output.stderr).toContain('no-archive.tar');
});
