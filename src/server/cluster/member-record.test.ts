import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type IdentityKey, loadIdentityKey } from './identity-key.ts';
import { fromWire, type MemberAddresses, refuseAnnouncement, signRecord, toWire } from './member-record.ts';

let dir: string;
let key: IdentityKey;
let other: IdentityKey;
const addresses: MemberAddresses = {
  id: 2,
  name: 'm2',
  apiAddress: 'a:1',
  grpcAddress: 'a:2',
  raftAddress: 'a:3',
  etcdAddress: '',
};

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'trimast-identity-'));
  key = loadIdentityKey(join(dir, 'deep/m2.key'));
  other = loadIdentityKey(join(dir, 'other.key'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

test('an identity key is made once, for its owner only, and stays the same', () => {
  expect(loadIdentityKey(join(dir, 'deep/m2.key')).publicKey).toEqual(key.publicKey);
  expect(statSync(join(dir, 'deep/m2.key')).mode & 0o077).toBe(0);
});

describe('refuseAnnouncement', () => {
  test('what a member signed counts, also after it went over the wire', () => {
    const record = signRecord(addresses, 5, key);
    expect(refuseAnnouncement(record, undefined)).toBeUndefined();
    const wire = fromWire({ ...toWire(record), $typeName: 'trimast.cluster.v1.MemberRecord' } as never);
    expect(wire).toEqual(record);
    expect(refuseAnnouncement(wire, signRecord(addresses, 4, key))).toBeUndefined();
    // Entered by an administrator, who knew no key.
    expect(refuseAnnouncement(record, { ...addresses, publicKey: '', signature: '', sequence: 0 })).toBeUndefined();
  });

  test('a changed field, another key, an older one and another name are refused with the reason', () => {
    const record = signRecord(addresses, 5, key);
    for (const field of ['name', 'apiAddress', 'grpcAddress', 'raftAddress', 'etcdAddress'] as const)
      expect(refuseAnnouncement({ ...record, [field]: 'x:9' }, undefined), field).toContain('not signed');
    expect(refuseAnnouncement({ ...record, id: 3 }, undefined)).toContain('not signed');
    expect(refuseAnnouncement({ ...record, publicKey: 'AAAA' }, undefined)).toContain('not signed');
    expect(refuseAnnouncement(signRecord(addresses, 6, other), record)).toContain('another identity key');
    expect(refuseAnnouncement(signRecord(addresses, 5, key), record)).toContain('older');
    expect(refuseAnnouncement(signRecord({ ...addresses, name: 'm9' }, 6, key), record)).toContain('is m2, not m9');
  });
});
