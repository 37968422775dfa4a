/** One bit flips in one replica's data: it is found, named, isolated and rebuilt, and nobody ever reads a wrong byte. */
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ConfigMap } from '../src/api/generated/types/core-v1.ts';
import { resources } from '../src/api/types.ts';
import { Cluster, type Member, waitFor } from './support/cluster.ts';
import { flipBit, matchingFiles } from './support/files.ts';
import { connect } from './support/writer.ts';

const cluster = new Cluster();
const data = (master: string) => join(cluster.dir, 'data', master);

interface Problem extends Member {
  readonly role?: string;
  readonly problem?: string;
}

async function masters(): Promise<Problem[]> {
  return (await cluster.status()).members.filter((member) => member.kind === 'master') as Problem[];
}

/** Until all vote, serve and hold the same state. */
async function whole(): Promise<void> {
  await waitFor(
    'three equal replicas',
    async () => {
      const all = await masters();
      const states = new Set(all.map((member) => `${member.appliedRevision} ${member.stateHash}`));
      const roles = all.every(({ role }) => role === 'leader' || role === 'follower');
      return roles && states.size === 1 && all.every(({ stateHash }) => stateHash !== undefined);
    },
    120_000,
  );
}

async function follower(): Promise<string> {
  await cluster.leader();
  return (await masters()).find(({ leader }) => !leader)!.name;
}

const logOf = (master: string) => readFileSync(join(cluster.dir, 'logs', `${master}.log`), 'utf8');

/** What the master has said since `mark` tells the reason, and that it serves again. */
async function rebuilt(master: string, mark: number, reason: RegExp): Promise<void> {
  await waitFor(
    'the log to name it',
    async () => {
      const log = logOf(master).slice(mark);
      return log.includes('this master serves again') && reason.test(log);
    },
    120_000,
  );
  await whole();
}

/** In every such file: what is in one of them alone may have been written over since, and would rightly be missed by nobody. */
function damage(master: string, pattern: RegExp): void {
  for (const file of matchingFiles(join(data(master), 'log'), pattern)) flipBit(file);
}

/** What the write-ahead log has goes into tables at an opening. */
async function restart(master: string): Promise<void> {
  await cluster.must('stop', master);
  await cluster.must('start', master);
  await waitFor('a table', async () => readdirSync(join(data(master), 'log')).some((name) => name.endsWith('.sst')));
}

beforeAll(async () => {
  await cluster.up('--workers', '0', '--scrub-seconds', '5');
  for (let n = 0; n < 5; n++)
    await cluster.kubectl(`create configmap kept-${n} --from-literal=value=${'x'.repeat(2000)}`);
});

afterAll(async () => {
  await cluster.destroy();
});

test('a lost disk: the master comes back as a learner and votes again', async () => {
  const master = await follower();
  const mark = logOf(master).length;
  await cluster.must('kill', master);
  rmSync(data(master), { recursive: true });
  await cluster.must('start', master);
  await rebuilt(master, mark, /its data folder is empty/);
});

for (const [what, pattern] of [
  ['the write-ahead log', /\.log$/],
  ['a table', /\.sst$/],
] as const) {
  test(`a bit in ${what} of a master that is down`, async () => {
    const master = await follower();
    await cluster.kubectl(`create configmap before-${what.replaceAll(' ', '-')}`);
    if (what === 'a table') await restart(master);
    const mark = logOf(master).length;
    await cluster.must('kill', master);
    damage(master, pattern);
    await cluster.must('start', master);
    await rebuilt(master, mark, /this master stops serving and is rebuilt/);
    expect(readdirSync(data(master)).filter((name) => name.startsWith('corrupt-')).length).toBeGreaterThan(0);
    for (const { address, ports } of await masters()) {
      const output = await cluster.tryKubectl([
        '--server',
        `https://${address}:${ports.api}`,
        'get',
        'configmap',
        '-o',
        'name',
      ]);
      expect(output.stdout.split('\n').filter((name) => name.includes('kept'))).toHaveLength(5);
    }
  });
}

test('a bit in a table of a master that runs', async () => {
  const master = await follower();
  await restart(master);
  const before = (await masters()).find(({ name }) => name === master)!;
  const mark = logOf(master).length;
  damage(master, /\.sst$/);
  await rebuilt(master, mark, /this master stops serving and is rebuilt/);
  // Nobody started it again: the same process went on.
  expect((await masters()).find(({ name }) => name === master)!.pid).toBe(before.pid);
});

test('a bit in the snapshot of a master that runs: it is found, and the state comes as a snapshot from another', async () => {
  const client = connect(cluster.kubeconfig);
  const value = 'x'.repeat(1_000_000);
  const snapshots = (master: string) => readdirSync(data(master)).filter((name) => /^snapshot-\d+-\d+$/.test(name));
  // A snapshot is due after 64 MiB of log.
  for (let n = 0; n < 70; n++) {
    const large: ConfigMap = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: `large-${n}`, namespace: 'default' },
    };
    await client.create(resources.configMaps, { ...large, data: { value } });
  }
  client.close();
  const master = await follower();
  await waitFor('a snapshot', async () => snapshots(master).length > 0);
  const mark = logOf(master).length;
  flipBit(join(data(master), snapshots(master).at(-1)!));
  await rebuilt(master, mark, /snapshot .*this master stops serving and is rebuilt/);
  const { address, ports } = (await masters()).find(({ name }) => name === master)!;
  const server = ['--server', `https://${address}:${ports.api}`];
  const output = await cluster.tryKubectl([...server, 'get', 'configmap', 'large-69', '-o', 'jsonpath={.data.value}']);
  expect(output.stdout === value).toBe(true);
});
