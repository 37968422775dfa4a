import { describe, expect, it } from 'vitest';
import { maxSnapshotChunkBytes, maxValueBytes } from './limits.ts';
import { createMemoryStore } from './testing/memory-proposer.ts';

async function snapshotOf(values: Record<string, Uint8Array>): Promise<Buffer[]> {
  const { store, stateMachine } = createMemoryStore();
  for (const [key, value] of Object.entries(values))
    await store.transact({ compare: [], success: [{ type: 'put', key, value }] });
  return [...(stateMachine.snapshot() as Iterable<Uint8Array>)].map((chunk) => Buffer.from(chunk));
}

async function restore(chunks: readonly Uint8Array[]) {
  const made = createMemoryStore();
  await made.stateMachine.restore(
    (async function* () {
      yield* chunks;
    })(),
    7,
  );
  return made.store;
}

describe('a snapshot', () => {
  it('comes in chunks of at most 1 MiB, although a value may be larger', async () => {
    const value = Buffer.alloc(maxValueBytes, 'large');
    const chunks = await snapshotOf({ a: value, b: Buffer.from('small'), c: value });
    expect(chunks.length).toBe(13);
    for (const chunk of chunks) expect(chunk.length).toBeLessThanOrEqual(maxSnapshotChunkBytes);
    const store = await restore(chunks);
    expect(store.stateHash().appliedIndex).toBe(7);
    expect(Buffer.from(store.get('c')!.value).equals(value)).toBe(true);
  });

  it('is refused if any byte of it is changed, missing or too many', async () => {
    const whole = Buffer.concat(await snapshotOf({ key: Buffer.from('value'), other: Buffer.from('') }));
    for (let i = 0; i < whole.length; i++) {
      const changed = Buffer.from(whole);
      changed[i]! ^= 0x10;
      await expect(restore([changed]), `byte ${i} changed`).rejects.toMatchObject({ code: 'invalid' });
      await expect(restore([whole.subarray(0, i)]), `cut at ${i}`).rejects.toMatchObject({ code: 'invalid' });
    }
    await expect(restore([whole, Buffer.from([0])])).rejects.toMatchObject({ code: 'invalid' });
    await expect(restore([whole])).resolves.toBeDefined();
  });

  it('lets watches go on where they were, or closes them if their history is gone', async () => {
    const { store, stateMachine, proposer } = createMemoryStore();
    const behind = createMemoryStore();
    const put = (value: string) =>
      store.transact({ compare: [], success: [{ type: 'put', key: 'k', value: Buffer.from(value) }] });
    await put('1');
    behind.stateMachine.apply(proposer.log[0]!);
    behind.stateMachine.applied(1);
    const seen: string[] = [];
    behind.store.watch(
      { key: 'k' },
      {
        onEvents: (events) => seen.push(...events.map((event) => Buffer.from(event.current.value).toString())),
        onClose: (error) => seen.push(error.code),
      },
    );
    await put('2');
    await put('3');
    const take = async function* () {
      yield* stateMachine.snapshot();
    };
    await behind.stateMachine.restore(take(), 3);
    await new Promise((resolve) => setImmediate(resolve));
    expect(seen).toEqual(['2', '3']);
    await put('4');
    await put('5');
    await store.compact(store.revision);
    await behind.stateMachine.restore(take(), 6);
    await new Promise((resolve) => setImmediate(resolve));
    expect(seen).toEqual(['2', '3', 'compacted']);
  });
});
