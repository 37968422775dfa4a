/**
 * SPDY/3 header blocks: name/value lists, compressed as one zlib stream per direction and session, primed with the dictionary and
 * flushed (Z_SYNC_FLUSH) after every block.
 *
 * Instead of a streaming zlib object, which would make frame handling asynchronous, each block is (de)compressed on its own with the
 * last 32 KiB of what went before as its dictionary. Deflate cannot tell the difference: that window is all the state it has between
 * two sync flushes. Blocks are few (two per stream) and small.
 *
 * Uncompressed form: count(4), then per header nameLength(4) name valueLength(4) value; several values of a name are joined by NUL.
 */

import { constants, deflateRawSync, inflateRawSync } from 'node:zlib';
import { headerDictionary, headerDictionaryAdler32 } from './dictionary.ts';

/** Lower-case names; a name's several values as a list. */
export type SpdyHeaders = Readonly<Record<string, string | readonly string[]>>;

/** A peer whose headers are larger than this is cut off. */
export const maxHeaderBlockBytes = 64 * 1024;

const windowBytes = 32 * 1024;
/** CMF and FLG of a zlib stream with a preset dictionary, then the dictionary's Adler-32. */
const zlibHeaderBytes = 6;
const presetDictionaryFlag = 0x20;

function slide(window: Buffer, added: Buffer): Buffer {
  const joined = Buffer.concat([window, added]);
  return joined.length > windowBytes ? joined.subarray(joined.length - windowBytes) : joined;
}

export class HeaderCompressor {
  #window: Buffer = headerDictionary;
  #started = false;

  compress(headers: SpdyHeaders): Buffer {
    const plain = encodePlain(headers);
    const body = deflateRawSync(plain, { dictionary: this.#window, finishFlush: constants.Z_SYNC_FLUSH });
    this.#window = slide(this.#window, plain);
    if (this.#started) return body;
    this.#started = true;
    const prefix = Buffer.from([0x78, 0xbb, 0, 0, 0, 0]);
    prefix.writeUInt32BE(headerDictionaryAdler32, 2);
    return Buffer.concat([prefix, body]);
  }
}

export class HeaderDecompressor {
  #window: Buffer = headerDictionary;
  #started = false;

  /** @throws Error when the block is no valid zlib data, too large, or malformed; the session is then beyond repair. */
  decompress(block: Buffer): Record<string, string> {
    let body = block;
    if (!this.#started) {
      body = this.#takeZlibHeader(block);
      this.#started = true;
    }
    const plain = inflateRawSync(body, {
      dictionary: this.#window,
      finishFlush: constants.Z_SYNC_FLUSH,
      maxOutputLength: maxHeaderBlockBytes,
    });
    this.#window = slide(this.#window, plain);
    return decodePlain(plain);
  }

  #takeZlibHeader(block: Buffer): Buffer {
    if (block.length < 2 || (block[0]! & 0x0f) !== 8) throw new Error('SPDY header block: not a zlib stream');
    if ((block[1]! & presetDictionaryFlag) === 0) {
      this.#window = Buffer.alloc(0);
      return block.subarray(2);
    }
    if (block.length < zlibHeaderBytes || block.readUInt32BE(2) !== headerDictionaryAdler32) {
      throw new Error('SPDY header block: compressed with an unknown dictionary');
    }
    return block.subarray(zlibHeaderBytes);
  }
}

function encodePlain(headers: SpdyHeaders): Buffer {
  const entries = Object.entries(headers);
  const parts: Buffer[] = [uint32(entries.length)];
  for (const [name, value] of entries) {
    const nameBytes = Buffer.from(name.toLowerCase());
    const valueBytes = Buffer.from(typeof value === 'string' ? value : value.join('\0'));
    parts.push(uint32(nameBytes.length), nameBytes, uint32(valueBytes.length), valueBytes);
  }
  return Buffer.concat(parts);
}

/** Of several values the first is returned: no header that we read has more. */
function decodePlain(plain: Buffer): Record<string, string> {
  let offset = 0;
  const take = (length: number): Buffer => {
    if (offset + length > plain.length) throw new Error('SPDY header block: ends in the middle of a header');
    offset += length;
    return plain.subarray(offset - length, offset);
  };
  const count = take(4).readUInt32BE(0);
  const headers: Record<string, string> = {};
  for (let i = 0; i < count; i++) {
    const name = take(take(4).readUInt32BE(0)).toString();
    const value = take(take(4).readUInt32BE(0)).toString();
    headers[name.toLowerCase()] = value.split('\0')[0]!;
  }
  return headers;
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value, 0);
  return bytes;
}
