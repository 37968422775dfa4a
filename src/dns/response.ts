/**
 * Writes answers. The question goes back byte for byte as it came, so its case is kept (what resolvers check against forged answers); names
 * that are or end the question's are written as pointers into it (RFC 1035, section 4.1.4). What does not fit is cut off at a whole
 * record and marked truncated. The data of records is dns-packet's work.
 */
import packet from 'dns-packet';
import { maxTcpBytes, maxUdpBytes } from './limits.ts';
import { type Edns, headerBytes, type Query, rcodes, types } from './query.ts';

export type RecordData =
  | { readonly type: 'A' | 'AAAA' | 'CNAME' | 'PTR' | 'NS'; readonly data: string }
  | { readonly type: 'TXT'; readonly data: string }
  | {
      readonly type: 'SRV';
      readonly data: {
        readonly priority: number;
        readonly weight: number;
        readonly port: number;
        readonly target: string;
      };
    }
  | { readonly type: 'HINFO'; readonly data: { readonly cpu: string; readonly os: string } }
  | {
      readonly type: 'SOA';
      readonly data: {
        readonly mname: string;
        readonly rname: string;
        readonly serial: number;
        readonly refresh: number;
        readonly retry: number;
        readonly expire: number;
        readonly minimum: number;
      };
    };

export type DnsRecord = RecordData & {
  /** Absent: the name asked for. */
  readonly name?: string;
  readonly ttl: number;
};

export interface Answer {
  readonly rcode: number;
  readonly authoritative: boolean;
  readonly answers: readonly DnsRecord[];
  readonly authority?: readonly DnsRecord[];
  readonly additional?: readonly DnsRecord[];
}

const codes: Readonly<Record<DnsRecord['type'], number>> = { ...types, HINFO: 13 };
const flag = {
  response: 0x8000,
  authoritative: 0x0400,
  truncated: 0x0200,
  recursionDesired: 0x0100,
  recursionAvailable: 0x0080,
  checkingDisabled: 0x0010,
};
const pointer = 0xc000;
const ednsBytes = 11;
const scratch = Buffer.alloc(2 * maxTcpBytes);

interface Codec {
  encode: ((data: unknown, buffer: Buffer, offset: number) => Buffer) & { bytes: number };
}
const { record: codecOf, name: nameCodec } = packet as unknown as {
  record(type: string): Codec;
  name: Codec;
};

/** The whole message, at most `maxBytes` long. */
export function encodeAnswer(query: Query, answer: Answer, maxBytes: number): Buffer {
  const { questionEnd, edns } = query;
  query.bytes.copy(scratch, headerBytes, headerBytes, questionEnd);
  const limit = maxBytes - (edns ? ednsBytes : 0);
  const names = new Map<string, number>();
  let at = questionEnd;
  let truncated = false;
  const write = (records: readonly DnsRecord[] = []): number => {
    let count = 0;
    for (const record of records) {
      const end = truncated ? Number.POSITIVE_INFINITY : writeRecord(record, at, names);
      if (end > limit) {
        truncated = true;
        break;
      }
      at = end;
      count++;
    }
    return count;
  };
  const answers = write(answer.answers);
  const authority = write(answer.authority);
  // What is missing here the client can ask for: no reason to come back over TCP.
  const before = truncated;
  const additional = write(answer.additional);
  truncated = before;
  if (edns) at = writeEdns(edns, answer.rcode, at);
  const flags =
    flag.response |
    (answer.authoritative ? flag.authoritative : 0) |
    (truncated ? flag.truncated : 0) |
    flag.recursionAvailable |
    repeatedFlags(query) |
    (answer.rcode & 0xf);
  writeHeader(query.id, flags, [1, answers, authority, additional + (edns ? 1 : 0)]);
  return Buffer.from(scratch.subarray(0, at));
}

/** The question and a code, nothing else. `truncated`: come back over TCP. */
export function encodeEmpty(query: Query, rcode: number, truncated = false): Buffer {
  const bytes = encodeAnswer(query, { rcode, authoritative: false, answers: [] }, maxUdpBytes);
  if (truncated) bytes.writeUInt16BE(bytes.readUInt16BE(2) | flag.truncated, 2);
  return bytes;
}

/** For what could not be read: only the header, with the id that came. */
export function encodeRefusal(bytes: Buffer, rcode: number): Buffer {
  const opcode = bytes.readUInt16BE(2) & 0x7800;
  writeHeader(bytes.readUInt16BE(0), flag.response | opcode | (rcode & 0xf), [0, 0, 0, 0]);
  return Buffer.from(scratch.subarray(0, headerBytes));
}

export function repeatedFlags({ recursionDesired, checkingDisabled }: Query): number {
  return (recursionDesired ? flag.recursionDesired : 0) | (checkingDisabled ? flag.checkingDisabled : 0);
}

function writeHeader(id: number, flags: number, counts: readonly [number, number, number, number]): void {
  scratch.writeUInt16BE(id, 0);
  scratch.writeUInt16BE(flags, 2);
  for (const [index, count] of counts.entries()) scratch.writeUInt16BE(count, 4 + 2 * index);
}

function writeRecord(record: DnsRecord, start: number, names: Map<string, number>): number {
  if (start > maxTcpBytes) return Number.POSITIVE_INFINITY;
  let at = start;
  const known = record.name === undefined ? headerBytes : names.get(record.name);
  if (known !== undefined) at = scratch.writeUInt16BE(pointer | known, at);
  else {
    if (at < 0x3fff) names.set(record.name!, at);
    nameCodec.encode(record.name!, scratch, at);
    at += nameCodec.encode.bytes;
  }
  at = scratch.writeUInt16BE(codes[record.type], at);
  at = scratch.writeUInt16BE(1, at);
  at = scratch.writeUInt32BE(record.ttl, at);
  const codec = codecOf(record.type);
  codec.encode(record.type === 'TXT' ? [record.data] : record.data, scratch, at);
  return at + codec.encode.bytes;
}

function writeEdns(edns: Edns, rcode: number, start: number): number {
  let at = scratch.writeUInt8(0, start);
  at = scratch.writeUInt16BE(types.OPT, at);
  at = scratch.writeUInt16BE(maxUdpBytes, at);
  at = scratch.writeUInt8(rcode >> 4, at);
  at = scratch.writeUInt8(0, at);
  at = scratch.writeUInt16BE(edns.dnssecOk ? 0x8000 : 0, at);
  return scratch.writeUInt16BE(0, at);
}

export const badVersion = rcodes.BADVERS;
