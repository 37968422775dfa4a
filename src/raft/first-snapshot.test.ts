/** A member that joins applies a log in which the cluster's first members are not named: its snapshots must wait for the first configuration. */
import { EventEmitter } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import { afterEach, expect, test } from 'vitest';
import { silentLogger } from '../lib/logger.ts';
import { emptyConfiguration, encodeConfiguration } from './core/configuration.ts';
import type { Configuration, Entry, EntryKind } from './core/types.ts';
import { encodePack } from './entry-codec.ts';
import { ThreadedRaftNode } from './raft-node.ts';
import { ListMachine } from './test-cluster.ts';
import type { FromWorker, ToWorker } from './thread-messages.ts';

const dataDir = mkdtempSync(join(tmpdir(), 'trimast-first-snapshot-'));
let end = (): void => undefined;
afterEach(() => {
  end();
  rmSync(dataDir, { recursive: true });
});

test('a member that joins takes no snapshot before its log has said who belongs to the cluster', async () => {
  const worker = new EventEmitter();
  const sent: ToWorker[] = [];
  Object.assign(worker, { postMessage: (message: ToWorker) => sent.push(message), terminate: async () => 0 });
  const tell = (message: FromWorker) => worker.emit('message', message);
  end = () => worker.emit('error', new Error('the test is over'));
  const machine = new ListMachine();
  const options = {
    clusterId: 'c',
    memberId: 2,
    members: [],
    join: true,
    dataDir,
    listen: { host: '', port: 0 },
    tls: { caFile: '', certFile: '', keyFile: '', peerOrganization: '' },
    snapshotEveryEntries: 2,
    onFatal: () => undefined,
  };
  const node = new ThreadedRaftNode(worker as unknown as Worker, 1, options, machine, silentLogger);
  node.started.catch(() => undefined);
  let index = 0;
  const apply = (kind: EntryKind, command: Uint8Array) => {
    const entry: Entry = { index: ++index, term: 1, kind, origin: 9, sequence: index, command };
    tell({ type: 'committed', pack: encodePack([entry]).buffer });
  };
  tell({ type: 'opened', snapshot: { index: 0, term: 0 }, commitIndex: 0, configuration: emptyConfiguration });
  await expect.poll(() => sent.map(({ type }) => type)).toContain('restored');
  for (const text of ['a', 'b', 'c', 'd']) apply('command', Buffer.from(text));
  expect(machine.snapshots).toBe(0);

  const configuration: Configuration = {
    members: [
      { id: 1, name: 'm1', address: 'm1:1' },
      { id: 2, name: 'm2', address: 'm2:1' },
    ],
    incoming: [1],
    outgoing: [],
    learners: [2],
  };
  apply('configuration', encodeConfiguration(configuration));
  await expect.poll(() => sent.find(({ type }) => type === 'snapshot-taken')).toBeDefined();
  expect(sent.find(({ type }) => type === 'snapshot-taken')).toMatchObject({ snapshot: { index: 5, configuration } });
});
