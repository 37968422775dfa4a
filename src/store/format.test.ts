/** What earlier releases wrote must be readable for ever: `testdata/format-N.json` is never changed, only added to. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { createMemoryStore } from './testing/memory-proposer.ts';

interface Fixture {
  readonly log: readonly { index: number; term: number; command: string }[];
  readonly snapshot: string;
  readonly revision: number;
  readonly compactedRevision: number;
  readonly hash: string;
  readonly keys: Record<string, string>;
  readonly leases?: Record<string, number>;
}

const fixture = (format: number): Fixture =>
  JSON.parse(readFileSync(new URL(`./testdata/format-${format}.json`, import.meta.url), 'utf8')) as Fixture;

it.each([1, 2])('log and snapshot of format %i are read', async (format) => {
  const { log, snapshot, revision, compactedRevision, hash, keys, leases = {} } = fixture(format);
  const fromLog = createMemoryStore();
  for (const { index, term, command } of log)
    expect(fromLog.stateMachine.apply({ index, term, command: Buffer.from(command, 'hex') }).type).not.toBe('error');
  const fromSnapshot = createMemoryStore();
  await fromSnapshot.stateMachine.restore(
    (async function* () {
      yield Buffer.from(snapshot, 'base64');
    })(),
    log.length,
  );
  for (const { store } of [fromLog, fromSnapshot]) {
    expect(store).toMatchObject({ revision, compactedRevision });
    expect(store.stateHash().hash).toBe(hash);
    const items = store.range({ key: '', end: '' }).items;
    expect(Object.fromEntries(items.map((item) => [item.key, Buffer.from(item.value).toString('hex')]))).toEqual(keys);
    expect(Object.fromEntries(store.leases().map(({ id, ttlSeconds }) => [String(id), ttlSeconds]))).toEqual(leases);
  }
});
