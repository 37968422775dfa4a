/**
 * Where a member is reached, signed by itself. Stored as JSON; the signature is over the lines
 *
 *   trimast-member-1, id, name, apiAddress, grpcAddress, raftAddress, etcdAddress, sequence
 *
 * with a line feed between them. A record without a key was entered by an administrator and is replaced by the member's first own one.
 */
import type { MemberRecord as WireRecord } from '../../gen/trimast/cluster/v1/cluster_pb.ts';
import { type IdentityKey, verifySignature } from './identity-key.ts';

export interface MemberAddresses {
  readonly id: number;
  readonly name: string;
  readonly apiAddress: string;
  readonly grpcAddress: string;
  readonly raftAddress: string;
  /** Empty: none. */
  readonly etcdAddress: string;
}

export interface MemberRecord extends MemberAddresses {
  /** Base64; empty in a record by an administrator. */
  readonly publicKey: string;
  readonly signature: string;
  readonly sequence: number;
}

type SignedPart = MemberAddresses & { readonly sequence: number };

function signedText(record: SignedPart): string {
  const { id, name, apiAddress, grpcAddress, raftAddress, etcdAddress, sequence } = record;
  return ['trimast-member-1', id, name, apiAddress, grpcAddress, raftAddress, etcdAddress, sequence].join('\n');
}

export function signRecord(addresses: MemberAddresses, sequence: number, key: IdentityKey): MemberRecord {
  const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64');
  const signed = { ...addresses, sequence };
  return { ...signed, publicKey: base64(key.publicKey), signature: base64(key.sign(signedText(signed))) };
}

/** Why an announcement does not count; undefined when it does. */
export function refuseAnnouncement(announced: MemberRecord, known: MemberRecord | undefined): string | undefined {
  const { publicKey, signature, sequence, name, id } = announced;
  const bytes = (text: string) => Buffer.from(text, 'base64');
  if (!verifySignature(bytes(publicKey), signedText(announced), bytes(signature)))
    return `the announcement of ${name} is not signed with the key that it names`;
  if (!known) return undefined;
  if (known.name !== name) return `member ${id} is ${known.name}, not ${name}`;
  if (known.publicKey !== '' && known.publicKey !== publicKey) {
    return (
      `${name} has another identity key than before. If its machine was replaced, say so: ` +
      `"trimast member remove ${name}" and "trimast member add ${name}"`
    );
  }
  if (sequence <= known.sequence) return `the announcement of ${name} is older than what is known`;
  return undefined;
}

export function sameAddresses(one: MemberAddresses, other: MemberAddresses): boolean {
  const fields = ['name', 'apiAddress', 'grpcAddress', 'raftAddress', 'etcdAddress'] as const;
  return fields.every((field) => one[field] === other[field]);
}

export function toWire(record: MemberRecord) {
  return {
    ...record,
    id: BigInt(record.id),
    sequence: BigInt(record.sequence),
    publicKey: Buffer.from(record.publicKey, 'base64'),
    signature: Buffer.from(record.signature, 'base64'),
  };
}

export function fromWire(wire: WireRecord): MemberRecord {
  const { name, apiAddress, grpcAddress, raftAddress, etcdAddress } = wire;
  return {
    id: Number(wire.id),
    name,
    apiAddress,
    grpcAddress,
    raftAddress,
    etcdAddress,
    sequence: Number(wire.sequence),
    publicKey: Buffer.from(wire.publicKey).toString('base64'),
    signature: Buffer.from(wire.signature).toString('base64'),
  };
}
