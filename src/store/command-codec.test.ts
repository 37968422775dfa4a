import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Command } from './command.ts';
import { decodeCommand, encodeCommand } from './command-codec.ts';
import { maxLeasesPerCommand } from './limits.ts';
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

const newer = encodeCommand({
  type: 'transaction',
  transaction: {
    compare: [{ key: 'a', target: 'lease', operator: '>', operand: -(2n ** 63n) }],
    success: [
      { type: 'put', key: 'p', value: Buffer.from('v'), leaseId: 5n, previous: true },
      { type: 'put', key: 'q', value: Buffer.alloc(0), ignoreValue: true, ignoreLease: true },
      {
        type: 'range',
        key: 'a',
        end: '',
        revision: 3,
        sort: { target: 'value', order: 'none' },
        keysOnly: true,
        minModRevision: 1,
        maxCreateRevision: 4,
      },
      {
        type: 'transaction',
        transaction: { compare: [], success: [{ type: 'delete', key: 'n' }], failure: [{ type: 'range', key: 'r' }] },
      },
    ],
    failure: [],
  },
});

it('what is new has a format of its own, and what is not stays readable to members that were not upgraded', () => {
  expect([sample[0], newer[0]]).toEqual([1, 2]);
  expect(Buffer.from(newer).toString('hex')).toBe(
    '0201000104030001618000000000000000040503017001760000000000000005050c01710006970001016100030400010407000102000' +
      '16e01040000017200',
  );
  // The same as in format 1, where format 1 would do.
  expect(() => decodeCommand(Uint8Array.from([2, ...sample.subarray(1)]))).toThrow(StoreError);
  expect(() => decodeCommand(Uint8Array.from([1, ...newer.subarray(1)]))).toThrow(StoreError);
  expect(() => decodeCommand(Uint8Array.from([3, ...newer.subarray(1)]))).toThrow(/upgrade this member/);
});

it.each<Command>([
  { type: 'compact', revision: 12, fromKey: 'k', maxUnits: 1_000 },
  { type: 'lease-grant', fenceTerm: 3, id: -1n, ttlSeconds: 9_000_000_000 },
  { type: 'lease-revoke', id: 2n ** 63n - 1n },
  { type: 'lease-keep-alive', ids: [1n, 2n] },
  { type: 'lease-expire', fenceTerm: 1, leases: [{ id: 1n, renewals: 7 }] },
  { type: 'lease-checkpoint', leases: [{ id: 1n, renewals: 7, remainingMs: 9_000_000_000_000 }] },
  { type: 'hash-mark' },
])('$type is the same after encoding and decoding', (command) => {
  const bytes = encodeCommand(command);
  expect(bytes[0]).toBe(2);
  expect(decodeCommand(bytes)).toEqual({ fenceTerm: undefined, ...command });
  for (let i = 0; i < bytes.length; i++) expect(() => decodeCommand(bytes.subarray(0, i))).toThrow(StoreError);
});

it('too many leases, and ids that do not fit, are refused', () => {
  const ids = Array.from({ length: maxLeasesPerCommand + 1 }, (_, i) => BigInt(i));
  expect(() => encodeCommand({ type: 'lease-keep-alive', ids })).toThrow(StoreError);
  expect(() => encodeCommand({ type: 'lease-revoke', id: 2n ** 63n })).toThrow(StoreError);
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
    fc.property(fc.uint8Array({ maxLength: 64 }), fc.nat(), fc.nat(7), (garbage, position, bit) => {
      const changed = [sample, newer].map((good) => {
        const bytes = Uint8Array.from(good);
        bytes[position % bytes.length]! ^= 1 << bit;
        return bytes;
      });
      for (const bytes of [garbage, ...changed]) {
        try {
          expect(Buffer.from(encodeCommand(decodeCommand(bytes))).equals(bytes)).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(StoreError);
        }
      }
    }),
  );
});
