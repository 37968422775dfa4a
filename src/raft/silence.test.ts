import { expect, test } from 'vitest';
import { Silence } from './silence.ts';

test('silence adds up until an answer comes', () => {
  const silence = new Silence(250, 0);
  for (let nowMs = 250; nowMs <= 2_000; nowMs += 250) expect(silence.asked(nowMs)).toBe(nowMs);
  silence.answered();
  expect(silence.asked(2_250)).toBe(250);
});

test('a pause of the asking thread itself counts hardly', () => {
  const silence = new Silence(250, 0);
  expect(silence.asked(60_000)).toBe(500);
});
