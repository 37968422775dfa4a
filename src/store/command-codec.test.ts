import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { decodeCommand, encodeCommand } from './command-codec.ts';
import { StoreError } from './types.ts';

const sample = encodeCommand({
  type: 'transaction',
  fenceTerm: 300,
  transaction: {
    compare: [
      { key: 'a', target: 'modRevision', operator: '=', operand: 2 ** 40 },
      { key: 'a', end: 'b', target: 'value', operator: '<', operand: Buffer.from([0, 255]) },
    ],
    success: [
      { type: 'put', key: '\u00ff\0', value: Buffer.from('v'), previous: true },
      { type: 'delete', key: 'x', end: 'y', previous: false },
      { type: 'range', key: 'q', limit: 5 },
    ],
    failure: [],
  },
});

it('a command is the same after encoding and decoding', () => {
  const command = decodeCommand(sample);
  expect(command).toMatchObject({ type: 'transaction', fenceTerm: 300 });
  expect(Buffer.from(encodeCommand(command)).equals(sample)).toBe(true);
  const compaction = { type: 'compact' as const, fenceTerm: undefined, revision: 12, fromKey: 'k' };
  expect(decodeCommand(encodeCommand(compaction))).toEqual(compaction);
});

it('the bytes of a command stay as they are: a log of today must be readable tomorrow', () => {
  expect(Buffer.from(sample).toString('hex')).toBe(
    '010101ac02020200000161808080808020030201016101620200ff030102ff000176020101780179040500017100',
  );
});

it('a command that is cut short, has bytes too many or a bit changed is refused or is another well-formed command', async () => {
  for (let i = 0; i < sample.length; i++) expect(() => decodeCommand(sample.subarray(0, i))).toThrow(StoreError);
  expect(() => decodeCommand(Buffer.concat([sample, Buffer.from([0])]))).toThrow(StoreError);
  await fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), fc.nat(sample.length - 1), fc.nat(7), (garbage, position, bit) => {
      const changed = Uint8Array.from(sample);
      changed[position]! ^= 1 << bit;
      for (const bytes of [garbage, changed]) {
        try {
          expect(Buffer.from(encodeCommand(decodeCommand(bytes))).equals(bytes)).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(StoreError);
        }
      }
    }),
  );
});
