import { describe, expect, it } from 'vitest';
import { ManualClock } from '../lib/clock.ts';
import { runWorkers, WorkQueue } from './work-queue.ts';

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('WorkQueue', () => {
  it('hands out a key once however often it is added, and again when it was added during the work', async () => {
    const queue = new WorkQueue({ clock: new ManualClock() });
    queue.add('a');
    queue.add('a');
    expect(await queue.take()).toBe('a');
    queue.add('a');
    queue.add('b');
    expect(await queue.take()).toBe('b');
    expect(queue.length).toBe(1);
    queue.done('a');
    expect(await queue.take()).toBe('a');
    queue.done('a');
    expect(queue.length).toBe(0);
  });

  it('keeps the earliest of several delays', () => {
    const clock = new ManualClock();
    const queue = new WorkQueue({ clock });
    queue.addAfter('a', 100);
    queue.addAfter('a', 50);
    queue.addAfter('a', 200);
    clock.advance(49);
    expect(queue.length).toBe(0);
    clock.advance(1);
    expect(queue.length).toBe(1);
  });

  it('gives undefined to those who wait when it is closed', async () => {
    const queue = new WorkQueue();
    const taken = queue.take();
    queue.close();
    expect(await taken).toBeUndefined();
    queue.add('late');
    expect(await queue.take()).toBeUndefined();
  });
});

describe('runWorkers', () => {
  it('never runs one key twice at a time, nor more keys than workers', async () => {
    const queue = new WorkQueue();
    const stop = new AbortController();
    const running = new Set<string>();
    let most = 0;
    const counts = new Map<string, number>();
    const finished = runWorkers(
      queue,
      3,
      async (key) => {
        expect(running.has(key)).toBe(false);
        running.add(key);
        most = Math.max(most, running.size);
        counts.set(key, (counts.get(key) ?? 0) + 1);
        if (counts.get(key) === 1) queue.add(key);
        await turn();
        running.delete(key);
        return undefined;
      },
      stop.signal,
    );
    for (let i = 0; i < 10; i++) queue.add(`key-${i}`);
    while ([...counts.values()].reduce((a, b) => a + b, 0) < 20) await turn();
    stop.abort();
    await finished;
    expect(most).toBe(3);
  });

  it('backs a failing key off exponentially, up to the limit, and forgets on success', async () => {
    const clock = new ManualClock();
    const queue = new WorkQueue({ clock, baseDelayMs: 10, maxDelayMs: 40 });
    const stop = new AbortController();
    const triesMs: number[] = [];
    const finished = runWorkers(
      queue,
      1,
      async () => {
        triesMs.push(clock.nowMs());
        if (triesMs.length < 5) throw new Error('not yet');
        return { requeueAfterMs: triesMs.length === 5 ? 7 : undefined };
      },
      stop.signal,
    );
    queue.add('a');
    for (let i = 0; i < 200; i++) {
      await turn();
      clock.advance(1);
    }
    stop.abort();
    await finished;
    expect(triesMs.map((at, i) => at - (triesMs[i - 1] ?? 0)).slice(1)).toEqual([10, 20, 40, 40, 7]);
  });
});
