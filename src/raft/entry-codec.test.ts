import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodePack, EntryCorruptError, encodePack, entryChecksum } from './entry-codec.ts';

const number48 = fc.integer({ min: 0, max: 2 ** 48 - 1 });
const entry = fc.record({
  index: number48,
  term: number48,
  origin: number48,
  sequence: number48,
  kind: fc.constantFrom('empty' as const, 'command' as const, 'configuration' as const),
  command: fc.uint8Array({ maxLength: 64 }).map((bytes) => Buffer.from(bytes)),
});

test('decodePack gives back what encodePack got', () => {
  fc.assert(
    fc.property(fc.array(entry), (entries) => {
      expect(decodePack(encodePack(entries))).toEqual(
        entries.map((one) => ({ ...one, checksum: entryChecksum(one), command: new Uint8Array(one.command) })),
      );
    }),
  );
});

test('any flipped bit is noticed', () => {
  fc.assert(
    fc.property(entry, fc.nat(), (original, where) => {
      const bytes = encodePack([original, original]);
      const bit = where % (bytes.length * 8);
      bytes[bit >> 3]! ^= 1 << (bit & 7);
      expect(() => decodePack(bytes)).toThrow(EntryCorruptError);
    }),
  );
});

test('a pack that is cut short is noticed', () => {
  const bytes = encodePack([
    { index: 1, term: 1, origin: 0, sequence: 0, kind: 'command', command: Buffer.from('abc') },
  ]);
  for (let length = 0; length < bytes.length; length++)
    expect(() => decodePack(bytes.subarray(0, length))).toThrow(EntryCorruptError);
});

test('a command that was exchanged or damaged before encoding is noticed: its checksum travels with it', () => {
  const original = { index: 1, term: 1, origin: 5, sequence: 9, kind: 'command' as const, command: Buffer.from('abc') };
  const checksum = entryChecksum(original);
  expect(() => decodePack(encodePack([{ ...original, checksum, command: Buffer.from('abd') }]))).toThrow(/checksum/);
  expect(() => decodePack(encodePack([{ ...original, checksum, sequence: 10 }]))).toThrow(/checksum/);
});
