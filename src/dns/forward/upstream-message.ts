/**
 * Reads what other servers answer, as far as it must be understood to be passed on: is it the answer to what was asked, how long does it
 * hold, where are its TTLs. Everything else stays as it is, so that any type of record can pass. Pure; any bytes give a result.
 */
import { forward } from '../limits.ts';
import { skipName } from '../name.ts';
import { headerBytes, rcodes, types } from '../query.ts';

export interface UpstreamAnswer {
  readonly bytes: Buffer;
  readonly rcode: number;
  readonly truncated: boolean;
  /** Seconds; 0: not to be kept. */
  readonly ttl: number;
  /** Where each record's TTL is. */
  readonly ttlOffsets: readonly number[];
}

const maxRecords = 4_096;

/** `question`: the bytes of name, type and class that were asked, which must come back as they were. Undefined: not an answer to that. */
export function readUpstreamAnswer(bytes: Buffer, id: number, question: Buffer): UpstreamAnswer | undefined {
  const start = headerBytes + question.length;
  if (bytes.length < start || bytes.readUInt16BE(0) !== id || bytes.readUInt16BE(4) !== 1) return undefined;
  const flags = bytes.readUInt16BE(2);
  const isResponse = (flags & 0xf800) === 0x8000;
  if (!isResponse || bytes.compare(question, 0, question.length, headerBytes, start) !== 0) return undefined;
  const counts = [6, 8, 10].map((offset) => bytes.readUInt16BE(offset)) as [number, number, number];
  const rcode = flags & 0xf;
  const truncated = (flags & 0x0200) !== 0;
  const ttlOffsets: number[] = [];
  let at = start;
  let ttl: number = forward.maxTtlSeconds;
  let negativeTtl: number | undefined;
  if (counts[0] + counts[1] + counts[2] > maxRecords) return undefined;
  for (const [section, count] of counts.entries()) {
    for (let i = 0; i < count; i++) {
      const record = readRecord(bytes, at);
      if (!record) return undefined;
      at = record.end;
      if (record.type === types.OPT) continue;
      ttlOffsets.push(record.ttlOffset);
      const seconds = secondsAt(bytes, record.ttlOffset);
      ttl = Math.min(ttl, seconds);
      if (section === 1 && record.type === types.SOA && record.dataBytes >= 22)
        negativeTtl = Math.min(seconds, secondsAt(bytes, record.end - 4), forward.maxNegativeTtlSeconds);
    }
  }
  const negative = rcode === rcodes.NXDOMAIN || counts[0] === 0;
  const keeps = !truncated && (rcode === rcodes.NOERROR || rcode === rcodes.NXDOMAIN);
  const kept = negative ? (negativeTtl ?? 0) : ttl;
  return { bytes: bytes.subarray(0, at), rcode, truncated, ttl: keeps ? kept : 0, ttlOffsets };
}

function readRecord(bytes: Buffer, offset: number) {
  const nameEnd = skipName(bytes, offset);
  if (nameEnd === undefined || nameEnd + 10 > bytes.length) return undefined;
  const dataBytes = bytes.readUInt16BE(nameEnd + 8);
  const end = nameEnd + 10 + dataBytes;
  if (end > bytes.length) return undefined;
  return { type: bytes.readUInt16BE(nameEnd), ttlOffset: nameEnd + 4, dataBytes, end };
}

/** The highest bit set means 0 (RFC 2181, section 8). */
function secondsAt(bytes: Buffer, offset: number): number {
  const seconds = bytes.readUInt32BE(offset);
  return seconds > 0x7fff_ffff ? 0 : seconds;
}
