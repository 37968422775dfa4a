import { expect, test } from 'vitest';
import { Slices } from './slices.ts';

test('long work lets others have their turn, short work does not wait', async () => {
  const slices = new Slices();
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  let waits = 0;
  for (const endMs = performance.now() + 100; performance.now() < endMs; )
    if (slices.due) {
      waits++;
      await slices.next();
    }
  clearInterval(timer);
  expect(waits).toBeGreaterThan(1);
  expect(turns).toBeGreaterThan(1);
});

test('a slice begins anew after each pause', async () => {
  const slices = new Slices();
  while (!slices.due);
  await slices.next();
  expect(slices.due).toBe(false);
});
