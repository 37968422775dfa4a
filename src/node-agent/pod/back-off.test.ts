import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ended } from '../testing/pods.ts';
import { BACK_OFF_RESET_MS, MAX_RESTART_BACK_OFF_MS, nextRestart, restartDelayMs } from './back-off.ts';

it('waits 0, 10, 20, 40 ... 300 seconds', () => {
  expect([0, 1, 2, 3, 4, 5, 6, 7].map(restartDelayMs)).toEqual([0, 10, 20, 40, 80, 160, 300, 300].map((s) => s * 1000));
});

it('begins again after a run of ten minutes', () => {
  const long = ended('app', 1, BACK_OFF_RESET_MS + 1, { startedAtMs: 1, streak: 9 });
  expect(nextRestart(long)).toEqual({ atMs: BACK_OFF_RESET_MS + 1, streak: 1 });
});

it('never waits longer than five minutes, and never before the end', () => {
  fc.assert(
    fc.property(fc.nat(1000), fc.nat(1e9), (streak, finishedAtMs) => {
      const { atMs } = nextRestart(ended('app', 1, finishedAtMs, { streak }));
      expect(atMs).toBeGreaterThanOrEqual(finishedAtMs);
      expect(atMs - finishedAtMs).toBeLessThanOrEqual(MAX_RESTART_BACK_OFF_MS);
    }),
  );
});
