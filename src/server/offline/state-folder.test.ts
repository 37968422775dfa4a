import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { RocksLogStorage } from '../../raft/rocks-log-storage.ts';
import { encodeCommand } from '../../store/command-codec.ts';
import { StoreStateMachine } from '../../store/store-state-machine.ts';
import { explainMismatch, parseRaftClusterId, raftClusterId } from '../cluster/cluster-identity.ts';
import { inspectFolder, revisionBump, seedFolders, stateOfBackup, stateOfFolder } from './state-folder.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'trimast-offline-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const put = (key: string, value: string) =>
  encodeCommand({
    type: 'transaction',
    transaction: { compare: [], success: [{ type: 'put', key, value: Buffer.from(value) }] },
  });

const member = { id: 1, name: 'm1', address: '127.0.0.1:1' };

function sampleMachine(): StoreStateMachine {
  const machine = new StoreStateMachine();
  machine.apply({ index: 1, term: 1, command: put('a', 'one') });
  machine.apply({ index: 2, term: 1, command: put('b', 'two') });
  machine.applied(2);
  return machine;
}

async function* chunksOf(machine: StoreStateMachine): AsyncGenerator<Uint8Array> {
  yield* machine.snapshot();
}

test('a state goes into folders, from where it is read again with what the log adds', async () => {
  const state = await stateOfBackup(chunksOf(sampleMachine()), 2);
  const folders = [1, 2].map((memberId) => ({ memberId, dataDir: join(dir, `m${memberId}`) }));
  const identity = { clusterId: 'c', epoch: 2 };
  const revision = await seedFolders(state, { identity, members: [member], folders });
  expect(revision).toBe(3 + revisionBump);

  const log = await RocksLogStorage.open(join(dir, 'm1/log'), { clusterId: 'c#2', memberId: 1 });
  const entry = { index: 3, term: 2, kind: 'command' as const, origin: 1, sequence: 1, command: put('c', 'three') };
  await new Promise<void>((resolve) => log.write({ entries: [entry], sync: true }, resolve));
  await log.close();

  expect(await inspectFolder(join(dir, 'm1'))).toMatchObject({
    state: 'ok',
    identity: { clusterId: 'c#2', memberId: 1 },
    snapshotIndex: 2,
    commitIndex: 2,
    lastIndex: 3,
    lastTerm: 2,
  });
  const replayed = await stateOfFolder(join(dir, 'm1'));
  expect(replayed).toMatchObject({ index: 3, revision: revision + 1 });
  const read = (key: string) => Buffer.from(replayed.machine.state.get(key)!.value).toString();
  expect(['a', 'b', 'c'].map(read)).toEqual(['one', 'two', 'three']);
  // Whoever watched before must list again.
  expect(() => replayed.machine.state.get('a', 3)).toThrow('compacted');
  expect((await inspectFolder(join(dir, 'm2'))).lastIndex).toBe(2);
});

test('a folder that holds a log is not seeded; one that is missing says so', async () => {
  const request = { identity: { clusterId: 'c' }, members: [member], folders: [{ memberId: 1, dataDir: dir }] };
  await seedFolders(await stateOfBackup(chunksOf(sampleMachine()), 2), request);
  const again = await stateOfBackup(chunksOf(sampleMachine()), 2);
  await expect(seedFolders(again, request)).rejects.toThrow('is not empty');
  expect(await inspectFolder(join(dir, 'none'))).toMatchObject({ state: 'missing', lastIndex: 0 });
});

test('data of an earlier epoch is refused with what to do', () => {
  expect(raftClusterId({ clusterId: 'c' })).toBe('c');
  expect(parseRaftClusterId(raftClusterId({ clusterId: 'c', epoch: 3 }))).toEqual({ clusterId: 'c', epoch: 3 });
  expect(explainMismatch('d', 'c#2', { clusterId: 'c', epoch: 2 })).toBeUndefined();
  expect(explainMismatch('d', 'c', { clusterId: 'c', epoch: 2 })).toContain('Move the folder away');
  expect(explainMismatch('d', 'x', { clusterId: 'c' })).toContain('belongs to cluster "x"');
});
