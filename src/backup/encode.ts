/** Writes a backup: see format.ts. */
import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { crc32, gzip, zstdCompress } from 'node:zlib';
import { type Compression, type Manifest, magic, type Trailer } from './format.ts';

const compressors: Record<Compression, (bytes: Uint8Array) => Promise<Uint8Array>> = {
  none: async (bytes) => bytes,
  gzip: promisify<Uint8Array, Buffer>(gzip),
  zstd: promisify<Uint8Array, Buffer>(zstdCompress),
};

export async function* encodeBackup(
  manifest: Manifest,
  chunks: AsyncIterable<Uint8Array>,
  onEnd: (trailer: Trailer) => void = () => undefined,
): AsyncGenerator<Buffer> {
  yield Buffer.concat([magic, head(manifest)]);
  const compress = compressors[manifest.compression];
  const hash = createHash('sha256');
  let count = 0;
  let rawBytes = 0;
  let storedBytes = 0;
  for await (const chunk of chunks) {
    if (chunk.length === 0) continue;
    hash.update(chunk);
    const stored = await compress(chunk);
    const lengths = Buffer.alloc(12);
    lengths.writeUInt32LE(stored.length, 0);
    lengths.writeUInt32LE(chunk.length, 4);
    lengths.writeUInt32LE(crc32(stored), 8);
    yield Buffer.concat([lengths, stored]);
    count++;
    rawBytes += chunk.length;
    storedBytes += stored.length;
  }
  const trailer: Trailer = { chunks: count, rawBytes, storedBytes, sha256: hash.digest('hex') };
  yield Buffer.concat([Buffer.alloc(4), head(trailer)]);
  onEnd(trailer);
}

function head(content: Manifest | Trailer): Buffer {
  const json = Buffer.from(JSON.stringify(content));
  const lengths = Buffer.alloc(8);
  lengths.writeUInt32LE(json.length, 0);
  lengths.writeUInt32LE(crc32(json), 4);
  return Buffer.concat([lengths, json]);
}
