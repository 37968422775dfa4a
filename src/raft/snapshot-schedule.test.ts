import { expect, test } from 'vitest';
import { SnapshotSchedule } from './snapshot-schedule.ts';

const limits = { everyEntries: 10, everyBytes: 1_000 };

test('a snapshot is due after so many entries or bytes since the last one began', () => {
  const schedule = new SnapshotSchedule(limits);
  schedule.applied(9, 900);
  expect(schedule.due).toBe(false);
  schedule.applied(1, 10);
  expect(schedule.due).toBe(true);
  schedule.restart();
  expect(schedule.due).toBe(false);
  schedule.applied(1, 1_000);
  expect(schedule.due).toBe(true);
});

test('a large state waits for more, but not for ever', () => {
  const schedule = new SnapshotSchedule(limits);
  schedule.measured(2_000);
  schedule.applied(19, 1_999);
  expect(schedule.due).toBe(false);
  schedule.applied(1, 1);
  expect(schedule.due).toBe(true);
  schedule.restart();
  schedule.measured(1_000_000);
  schedule.applied(39, 0);
  expect(schedule.due).toBe(false);
  schedule.applied(1, 0);
  expect(schedule.due).toBe(true);
});
