/**
 * HPACK (RFC 7541): decoding of requests, and the few header blocks that a gRPC server sends.
 *
 * A client sends the same headers again and again, as references to a table that both sides keep. A block that changes nothing in the
 * table is therefore remembered with its meaning, until the table changes.
 */
import { decodeHuffman } from './huffman.ts';
import { maxCachedHeaderBlocks, maxHeaderBytes } from './limits.ts';

export type Header = readonly [name: string, value: string];

const staticNames =
  ':authority|:method=GET|:method=POST|:path=/|:path=/index.html|:scheme=http|:scheme=https|:status=200|:status=204|:status=206|' +
  ':status=304|:status=400|:status=404|:status=500|accept-charset|accept-encoding=gzip, deflate|accept-language|accept-ranges|accept|' +
  'access-control-allow-origin|age|allow|authorization|cache-control|content-disposition|content-encoding|content-language|' +
  'content-length|content-location|content-range|content-type|cookie|date|etag|expect|expires|from|host|if-match|if-modified-since|' +
  'if-none-match|if-range|if-unmodified-since|last-modified|link|location|max-forwards|proxy-authenticate|proxy-authorization|range|' +
  'referer|refresh|retry-after|server|set-cookie|strict-transport-security|transfer-encoding|user-agent|vary|via|www-authenticate';
const staticTable: readonly Header[] = staticNames.split('|').map((entry) => {
  const [name = '', value = ''] = entry.split('=');
  return [name, value];
});

const tableBytes = 4_096;
const entryOverhead = 32;

export class HpackError extends Error {
  override readonly name = 'HpackError';
}

/** `T` is what the connection makes of a block's headers. */
export class HpackDecoder<T> {
  readonly #interpret: (headers: readonly Header[]) => T;
  /** Newest first. */
  #dynamic: Header[] = [];
  #dynamicBytes = 0;
  #limit = tableBytes;
  readonly #cache = new Map<string, T>();
  #changed = false;
  #position = 0;

  constructor(interpret: (headers: readonly Header[]) => T) {
    this.#interpret = interpret;
  }

  /** @throws HpackError: the connection is beyond repair. */
  decode(block: Buffer): T {
    const key = block.toString('latin1');
    const known = this.#cache.get(key);
    if (known !== undefined) return known;
    this.#changed = false;
    const result = this.#interpret(this.#decodeHeaders(block));
    if (this.#changed) this.#cache.clear();
    else if (this.#cache.size < maxCachedHeaderBlocks && block.length < 64) this.#cache.set(key, result);
    return result;
  }

  #decodeHeaders(block: Buffer): Header[] {
    const headers: Header[] = [];
    let bytes = 0;
    this.#position = 0;
    while (this.#position < block.length) {
      const first = block[this.#position]!;
      let header: Header;
      if (first & 0x80) header = this.#entry(this.#integer(block, 7));
      else if (first & 0x40) {
        header = this.#literal(block, 6);
        this.#insert(header);
      } else if (first & 0x20) {
        this.#resize(this.#integer(block, 5));
        continue;
      } else header = this.#literal(block, 4);
      bytes += header[0].length + header[1].length + entryOverhead;
      if (bytes > maxHeaderBytes) throw new HpackError(`headers of more than ${maxHeaderBytes} bytes`);
      headers.push(header);
    }
    return headers;
  }

  #literal(block: Buffer, prefixBits: number): Header {
    const index = this.#integer(block, prefixBits);
    const name = index === 0 ? this.#string(block) : this.#entry(index)[0];
    return [name, this.#string(block)];
  }

  #entry(index: number): Header {
    const entry = index <= staticTable.length ? staticTable[index - 1] : this.#dynamic[index - staticTable.length - 1];
    if (!entry) throw new HpackError(`no header has index ${index}`);
    return entry;
  }

  #insert(header: Header): void {
    this.#changed = true;
    this.#dynamic.unshift(header);
    this.#dynamicBytes += header[0].length + header[1].length + entryOverhead;
    this.#evict();
  }

  #resize(limit: number): void {
    if (limit > tableBytes) throw new HpackError(`a header table of ${limit} bytes`);
    this.#changed = true;
    this.#limit = limit;
    this.#evict();
  }

  #evict(): void {
    while (this.#dynamicBytes > this.#limit) {
      const [name, value] = this.#dynamic.pop()!;
      this.#dynamicBytes -= name.length + value.length + entryOverhead;
    }
  }

  #integer(block: Buffer, prefixBits: number): number {
    const mask = 2 ** prefixBits - 1;
    let value = this.#byte(block) & mask;
    if (value < mask) return value;
    for (let shift = 0; shift <= 21; shift += 7) {
      const byte = this.#byte(block);
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw new HpackError('a number that is too large');
  }

  #string(block: Buffer): string {
    const huffman = (block[this.#position] ?? 0) & 0x80;
    const length = this.#integer(block, 7);
    const end = this.#position + length;
    if (end > block.length) throw new HpackError('a header block that ends too early');
    const bytes = block.subarray(this.#position, end);
    this.#position = end;
    if (!huffman) return bytes.toString('latin1');
    const text = decodeHuffman(bytes);
    if (text === undefined) throw new HpackError('a malformed Huffman code');
    return text;
  }

  #byte(block: Buffer): number {
    const byte = block[this.#position++];
    if (byte === undefined) throw new HpackError('a header block that ends too early');
    return byte;
  }
}

/** A literal that neither side remembers, with a name that neither knows. */
export function encodeLiteral(name: string, value: string): Buffer {
  return Buffer.concat([Buffer.from([0]), encodeString(name), encodeString(value)]);
}

function encodeString(text: string): Buffer {
  const bytes = Buffer.from(text, 'latin1');
  return Buffer.concat([encodeInteger(bytes.length, 7), bytes]);
}

function encodeInteger(value: number, prefixBits: number): Buffer {
  const mask = 2 ** prefixBits - 1;
  if (value < mask) return Buffer.from([value]);
  const bytes = [mask];
  for (value -= mask; value >= 0x80; value >>>= 7) bytes.push((value & 0x7f) | 0x80);
  bytes.push(value);
  return Buffer.from(bytes);
}

const contentType = Buffer.from('application/grpc', 'latin1');
/** `content-type: application/grpc`, which both sides then remember. */
const rememberContentType = Buffer.concat([Buffer.from([0x40 | 31, contentType.length]), contentType]);
/** `grpc-status: 0`, likewise. */
const rememberStatusOk = Buffer.concat([Buffer.from([0x40]), encodeString('grpc-status'), encodeString('0')]);
const plainContentType = Buffer.concat([Buffer.from([0x0f, 31 - 15, contentType.length]), contentType]);
const httpOk = Buffer.from([0x88]);
const emptyTable = Buffer.from([0x20]);

/** The blocks of one connection's answers. With the client's table each is two bytes or fewer from the second time on. */
export class ResponseHeaders {
  #table = true;
  #resize = false;
  #sentContentType = false;
  #sentStatusOk = false;

  /** The client remembers less than HTTP/2's default: then it need not remember anything, and is told so. */
  disableTable(): void {
    this.#resize = true;
    this.#table = false;
  }

  /** `:status: 200` and the content type. */
  head(): Buffer {
    if (!this.#table) return this.#resized(httpOk, plainContentType);
    if (!this.#sentContentType) {
      this.#sentContentType = true;
      return Buffer.concat([httpOk, rememberContentType]);
    }
    return this.#sentStatusOk ? headAfterStatus : headBeforeStatus;
  }

  /** Only after {@link head}. */
  trailersOk(): Buffer {
    if (!this.#table) return this.#resized(encodeLiteral('grpc-status', '0'));
    if (!this.#sentStatusOk) {
      this.#sentStatusOk = true;
      return rememberStatusOk;
    }
    return statusOkReference;
  }

  trailersError(status: number, message: string): Buffer {
    return this.#resized(encodeLiteral('grpc-status', String(status)), encodeLiteral('grpc-message', message));
  }

  #resized(...parts: Buffer[]): Buffer {
    if (this.#resize) parts.unshift(emptyTable);
    this.#resize = false;
    return Buffer.concat(parts);
  }
}

// The newest entry of the dynamic table has index 62.
const headBeforeStatus = Buffer.from([0x88, 0x80 | 62]);
const headAfterStatus = Buffer.from([0x88, 0x80 | 63]);
const statusOkReference = Buffer.from([0x80 | 62]);
