import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { ValueMemory } from './value-memory.ts';
import { Version } from './version.ts';

const versionOf = (memory: ValueMemory, value: Uint8Array) => {
  const version = new Version('k', 1, 1, 1);
  memory.hold(version, value);
  return version;
};

it('values stay what they are, held or released, however often they are moved', async () => {
  await fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.oneof(fc.nat(40), fc.nat(20_000)), fc.nat(255), fc.nat()), { minLength: 1, maxLength: 300 }),
      (steps) => {
        const memory = new ValueMemory();
        const held: { version: Version; length: number; fill: number; held: boolean }[] = [];
        for (const [length, fill, pick] of steps) {
          held.push({ version: versionOf(memory, Buffer.alloc(length, fill)), length, fill, held: true });
          const one = held[pick % held.length]!;
          if (pick % 3 > 0 && one.held) {
            memory.release(one.version);
            one.held = false;
          }
        }
        for (const { version, length, fill } of held)
          expect(Buffer.compare(version.value, Buffer.alloc(length, fill))).toBe(0);
        for (const one of held) if (one.held) memory.release(one.version);
        expect(memory.allocatedBytes).toBeLessThanOrEqual(128 * 1024);
      },
    ),
    { numRuns: 50 },
  );
});

it('what is held takes little more than its bytes, whatever was released around it', () => {
  const memory = new ValueMemory();
  const versions: Version[] = [];
  const count = 20_000;
  for (let i = 0; i < count; i++) {
    versions.push(versionOf(memory, Buffer.alloc(500, i)));
    // Nine of ten go again, in no order: 1 in 10 stays among the gaps.
    if (i >= 1_000 && i % 10 !== 0) {
      const gone = versions.splice((i * 7919) % versions.length, 1)[0]!;
      memory.release(gone);
    }
  }
  const bytes = versions.length * 500;
  expect(memory.allocatedBytes).toBeLessThan(bytes / 0.6 + 128 * 1024);
  expect(versions.every((version) => version.value.length === 500)).toBe(true);
});

it('a value is the same array at every access until it is moved', () => {
  const memory = new ValueMemory();
  const version = versionOf(memory, Buffer.from('value'));
  expect(version.value).toBe(version.value);
  expect(versionOf(memory, Buffer.alloc(0)).value.length).toBe(0);
});
