/**
 * Reads what clients send: a header, one question, and at most EDNS (RFC 1035, RFC 6891). Strict: whatever a resolver has no reason to send is
 * refused, and what is no question at all is dropped, so that nobody is answered who did not ask. Pure; any bytes give a result.
 */
import { maxQueryBytes, maxUdpBytes, plainUdpBytes } from './limits.ts';
import { type Labels, readName, skipName } from './name.ts';

export const headerBytes = 12;
/** Additional records of a query: OPT, and TSIG or a cookie of some kind. */
const maxAdditional = 4;

export const types = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
  OPT: 41,
  ANY: 255,
} as const;

export const rcodes = {
  NOERROR: 0,
  FORMERR: 1,
  SERVFAIL: 2,
  NXDOMAIN: 3,
  NOTIMP: 4,
  REFUSED: 5,
  /** Extended: its upper bits are in the OPT record. */
  BADVERS: 16,
} as const;

export interface Edns {
  readonly udpBytes: number;
  readonly version: number;
  readonly dnssecOk: boolean;
}

export interface Query {
  readonly bytes: Buffer;
  readonly id: number;
  readonly recursionDesired: boolean;
  readonly checkingDisabled: boolean;
  readonly labels: Labels;
  readonly type: number;
  readonly class: number;
  /** The question as it came, case and all, is `bytes` from {@link headerBytes} to here. */
  readonly questionEnd: number;
  readonly edns: Edns | undefined;
}

/** `drop`: answer nothing. `refuse`: answer with this code and, where there is one to repeat, the question. */
export type Parsed =
  | { readonly kind: 'query'; readonly query: Query }
  | { readonly kind: 'refuse'; readonly rcode: number }
  | { readonly kind: 'drop' };

const drop: Parsed = { kind: 'drop' };
const malformed: Parsed = { kind: 'refuse', rcode: rcodes.FORMERR };

export function parseQuery(bytes: Buffer): Parsed {
  if (bytes.length < headerBytes || bytes.length > maxQueryBytes) return drop;
  const flags = bytes.readUInt16BE(2);
  const isResponse = (flags & 0x8000) !== 0;
  if (isResponse) return drop;
  const opcode = (flags >> 11) & 0xf;
  if (opcode !== 0) return { kind: 'refuse', rcode: rcodes.NOTIMP };
  const additional = bytes.readUInt16BE(10);
  if (bytes.readUInt16BE(4) !== 1 || bytes.readUInt16BE(6) !== 0 || bytes.readUInt16BE(8) !== 0) return malformed;
  const name = readName(bytes, headerBytes);
  if (!name || name.end + 4 > bytes.length || additional > maxAdditional) return malformed;
  const questionEnd = name.end + 4;
  const edns = readEdns(bytes, questionEnd, additional);
  if (edns === 'malformed') return malformed;
  return {
    kind: 'query',
    query: {
      bytes,
      id: bytes.readUInt16BE(0),
      recursionDesired: (flags & 0x0100) !== 0,
      checkingDisabled: (flags & 0x0010) !== 0,
      labels: name.labels,
      type: bytes.readUInt16BE(name.end),
      class: bytes.readUInt16BE(name.end + 2),
      questionEnd,
      edns,
    },
  };
}

/** How long an answer over UDP may be. */
export function udpLimit(edns: Edns | undefined): number {
  return edns ? Math.min(Math.max(edns.udpBytes, plainUdpBytes), maxUdpBytes) : plainUdpBytes;
}

function readEdns(bytes: Buffer, start: number, count: number): Edns | undefined | 'malformed' {
  let at = start;
  let edns: Edns | undefined;
  for (let i = 0; i < count; i++) {
    const isRoot = bytes[at] === 0;
    const nameEnd = skipName(bytes, at);
    if (nameEnd === undefined || nameEnd + 10 > bytes.length) return 'malformed';
    const end = nameEnd + 10 + bytes.readUInt16BE(nameEnd + 8);
    if (end > bytes.length) return 'malformed';
    if (bytes.readUInt16BE(nameEnd) === types.OPT) {
      if (edns || !isRoot) return 'malformed';
      edns = {
        udpBytes: bytes.readUInt16BE(nameEnd + 2),
        version: bytes[nameEnd + 5]!,
        dnssecOk: (bytes[nameEnd + 6]! & 0x80) !== 0,
      };
    }
    at = end;
  }
  return at === bytes.length ? edns : 'malformed';
}
