/**
 * The store as a database of etcd: `etcdutl snapshot status` reads it, and an etcd that is restored from it has the same keys, revisions
 * and leases. It holds every key as it is at one revision; older versions are as if compacted.
 *
 *   bucket key      = revision (8, big-endian) '_' place within it (8, big-endian) ['t' for a deletion] → KeyValue
 *   bucket lease    = id (8, big-endian) → { id = 1, TTL = 2, remaining TTL = 3 }
 *   bucket members  = id in hexadecimal → JSON
 */

import { ProtoWriter } from '../../../lib/lean-grpc/index.ts';
import type { RaftMember } from '../../../raft/types.ts';
import type { KeyValue, Lease, Store } from '../../../store/types.ts';
import type { MemberDirectory } from '../cluster-service.ts';
import { type BoltBucket, type BoltFile, boltFile } from './bolt-file.ts';

const clusterVersion = '3.6.0';
const revisionBytes = 17;

/** Of the state at this very moment; the bytes may be taken later. */
export function bboltSnapshot(
  store: Pick<Store, 'range' | 'revision' | 'leases' | 'timeToLive'>,
  members: readonly RaftMember[],
  directory: Pick<MemberDirectory, 'etcdAddress'>,
  appliedIndex: number,
  term: number,
): BoltFile {
  const { items, revision } = store.range({ key: '', end: '' });
  const buckets = [
    entries('alarm', []),
    entries('auth', [
      ['authEnabled', Buffer.from([0])],
      ['authRevision', uint64(1)],
    ]),
    entries('authRoles', []),
    entries('authUsers', []),
    entries('cluster', [
      ['clusterVersion', Buffer.from(clusterVersion)],
      ['downgrade', Buffer.from('{"target-version":"","enabled":false}')],
    ]),
    keyBucket(items, revision),
    leaseBucket(store.leases(), store),
    entries('members', members.map((member) => memberEntry(member, directory)).sort(byKey)),
    entries('members_removed', []),
    entries('meta', [
      ['confState', Buffer.from(JSON.stringify(confState(members)))],
      ['consistent_index', uint64(appliedIndex)],
      ['finishedCompactRev', revisionKey(revision, 0)],
      ['scheduledCompactRev', revisionKey(revision, 0)],
      ['storageVersion', Buffer.from(clusterVersion)],
      ['term', uint64(term)],
    ]),
  ];
  return boltFile(buckets, revision);
}

type Entry = readonly [key: string, value: Buffer];

function byKey([a]: Entry, [b]: Entry): number {
  return a < b ? -1 : 1;
}

/** A bucket of few entries, in order. */
function entries(name: string, list: readonly Entry[]): BoltBucket {
  return {
    name,
    count: list.length,
    key: (index) => Buffer.from(list[index]![0]),
    valueBytes: (index) => list[index]![1].length,
    value: (index) => list[index]![1],
  };
}

function keyBucket(unordered: readonly KeyValue[], revision: number): BoltBucket {
  const items = unordered.toSorted((a, b) => a.modRevision - b.modRevision);
  const places = new Uint32Array(items.length);
  for (let index = 1; index < items.length; index++)
    if (items[index]!.modRevision === items[index - 1]!.modRevision) places[index] = places[index - 1]! + 1;
  // When the last thing that happened was a deletion, a mark of it keeps the revision.
  const mark = revision > 1 && (items.at(-1)?.modRevision ?? 0) < revision;
  const writer = new ProtoWriter();
  return {
    name: 'key',
    count: items.length + (mark ? 1 : 0),
    key(index) {
      const item = items[index];
      return item ? revisionKey(item.modRevision, places[index]!) : revisionKey(revision, 0, true);
    },
    valueBytes: (index) => (items[index] ? keyValueBytes(items[index]) : 0),
    value(index) {
      const item = items[index];
      writer.begin();
      if (!item) return writer.finish();
      writer.byteString(1, item.key);
      writer.number(2, item.createRevision);
      writer.number(3, item.modRevision);
      writer.number(4, item.version);
      writer.bytes(5, item.value);
      if (item.leaseId !== undefined) writer.bigint(6, item.leaseId);
      return writer.finish();
    },
  };
}

/** Of a KeyValue on the wire. */
function keyValueBytes({ key, value, createRevision, modRevision, version, leaseId = 0n }: KeyValue): number {
  const bytesField = (length: number) => (length === 0 ? 0 : 1 + varintBytes(length) + length);
  const numberField = (number: number) => (number === 0 ? 0 : 1 + varintBytes(number));
  const lease = leaseId === 0n ? 0 : 1 + Math.ceil(Math.max(1, BigInt.asUintN(64, leaseId).toString(2).length) / 7);
  return (
    bytesField(key.length) +
    numberField(createRevision) +
    numberField(modRevision) +
    numberField(version) +
    bytesField(value.length) +
    lease
  );
}

function varintBytes(value: number): number {
  let bytes = 1;
  for (; value >= 0x80; value = Math.floor(value / 0x80)) bytes++;
  return bytes;
}

function leaseBucket(leases: readonly Lease[], store: Pick<Store, 'timeToLive'>): BoltBucket {
  const list = leases.map(({ id, ttlSeconds }) => {
    const writer = new ProtoWriter().begin();
    writer.bigint(1, id);
    writer.number(2, ttlSeconds);
    writer.number(3, Math.max(0, store.timeToLive(id)?.remainingSeconds ?? 0));
    const key = Buffer.alloc(8);
    key.writeBigUInt64BE(BigInt.asUintN(64, id));
    return { key, value: Buffer.from(writer.finish()) };
  });
  list.sort((a, b) => Buffer.compare(a.key, b.key));
  return {
    name: 'lease',
    count: list.length,
    key: (index) => list[index]!.key,
    valueBytes: (index) => list[index]!.value.length,
    value: (index) => list[index]!.value,
  };
}

function memberEntry(member: RaftMember, directory: Pick<MemberDirectory, 'etcdAddress'>): Entry {
  const address = directory.etcdAddress(member);
  const json = {
    id: member.id,
    peerURLs: [`https://${member.address}`],
    name: member.name,
    ...(member.learner && { isLearner: true }),
    ...(address !== undefined && { clientURLs: [`https://${address}`] }),
  };
  return [member.id.toString(16), Buffer.from(JSON.stringify(json))];
}

function confState(members: readonly RaftMember[]) {
  const ids = (learner: boolean) => members.filter((member) => member.learner === learner).map((member) => member.id);
  const learners = ids(true);
  return { voters: ids(false), ...(learners.length > 0 && { learners }), auto_leave: false };
}

function uint64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}

function revisionKey(revision: number, place: number, deletion = false): Buffer {
  const bytes = Buffer.alloc(revisionBytes + (deletion ? 1 : 0));
  bytes.writeBigUInt64BE(BigInt(revision), 0);
  bytes.write('_', 8);
  bytes.writeBigUInt64BE(BigInt(place), 9);
  if (deletion) bytes.write('t', revisionBytes);
  return bytes;
}
