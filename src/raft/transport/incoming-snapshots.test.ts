import { expect, test } from 'vitest';
import { IncomingSnapshots } from './incoming-snapshots.ts';

function transfer(snapshots: IncomingSnapshots, term: number) {
  const end: () => void = () => undefined;
  const state = { begun: false, gaveUp: false, end };
  const giveUp = () => {
    state.gaveUp = true;
  };
  const taken = snapshots.take({ term, giveUp }).then((leave) => {
    if (!leave) return false;
    state.begun = true;
    state.end = leave;
    return true;
  });
  return { state, taken };
}

test('a newer leader takes the place of an older one, once that has ended', async () => {
  const snapshots = new IncomingSnapshots();
  const old = transfer(snapshots, 3);
  expect(await old.taken).toBe(true);
  const next = transfer(snapshots, 4);
  await Promise.resolve();
  expect(old.state.gaveUp).toBe(true);
  expect(next.state.begun).toBe(false);
  old.state.end();
  expect(await next.taken).toBe(true);
  expect(next.state.gaveUp).toBe(false);
});

test('an older leader does not, and comes in when the newer one is through', async () => {
  const snapshots = new IncomingSnapshots();
  const newer = transfer(snapshots, 4);
  await newer.taken;
  expect(await transfer(snapshots, 3).taken).toBe(false);
  newer.state.end();
  expect(await transfer(snapshots, 3).taken).toBe(true);
});

test('of three of one sender the last one wins, and none begins before all before it have ended', async () => {
  const snapshots = new IncomingSnapshots();
  const [first, second, third] = [transfer(snapshots, 3), transfer(snapshots, 3), transfer(snapshots, 3)];
  await first.taken;
  expect(second.state.gaveUp).toBe(true);
  first.state.end();
  await second.taken;
  expect(third.state.begun).toBe(false);
  second.state.end();
  expect(await third.taken).toBe(true);
});
