/** Reads a backup and checks everything that can be checked: see format.ts. */
import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { crc32, gunzip, zstdDecompress } from 'node:zlib';
import { BackupError } from './backup-error.ts';
import { type Compression, type Manifest, magic, maxChunkBytes, maxHeadBytes, type Trailer } from './format.ts';

type Decompress = (bytes: Uint8Array, options: { maxOutputLength: number }) => Promise<Uint8Array>;
const decompressors: Record<Compression, Decompress> = {
  none: async (bytes) => bytes,
  gzip: promisify<Uint8Array, object, Buffer>(gunzip) as Decompress,
  zstd: promisify<Uint8Array, object, Buffer>(zstdDecompress) as Decompress,
};

export interface OpenBackup {
  readonly manifest: Manifest;
  /** To be read once, to the end: only then is it certain that nothing is missing. @throws BackupError damaged */
  chunks(): AsyncGenerator<Uint8Array, Trailer>;
}

/** @throws BackupError damaged, invalid */
export async function openBackup(name: string, source: AsyncIterable<Uint8Array>): Promise<OpenBackup> {
  const input = new ByteReader(name, source);
  const start = await input.read(magic.length, 'its beginning');
  if (!start.equals(magic)) throw new BackupError('damaged', `${name} is no backup of Trimast`);
  const manifest = (await readHead(input, name, 'manifest')) as Manifest;
  if (manifest.format !== 1)
    throw new BackupError('invalid', `${name} has format ${manifest.format}; this program knows 1`);
  if (!(manifest.compression in decompressors))
    throw new BackupError('invalid', `${name} is compressed with "${manifest.compression}", which is not known here`);
  return { manifest, chunks: () => readChunks(input, name, manifest.compression) };
}

/** Reads all of it. @throws BackupError damaged, invalid */
export async function verifyBackup(
  name: string,
  source: AsyncIterable<Uint8Array>,
): Promise<{ manifest: Manifest; trailer: Trailer }> {
  const { manifest, chunks } = await openBackup(name, source);
  const reader = chunks();
  for (;;) {
    const { done, value } = await reader.next();
    if (done) return { manifest, trailer: value };
  }
}

async function* readChunks(
  input: ByteReader,
  name: string,
  compression: Compression,
): AsyncGenerator<Uint8Array, Trailer> {
  const damaged = (what: string) => new BackupError('damaged', `${name}: ${what}`);
  const hash = createHash('sha256');
  let chunks = 0;
  let rawBytes = 0;
  let storedBytes = 0;
  for (;;) {
    const storedLength = (await input.read(4, `chunk ${chunks}`)).readUInt32LE(0);
    if (storedLength === 0) break;
    const head = await input.read(8, `chunk ${chunks}`);
    const [rawLength, checksum] = [head.readUInt32LE(0), head.readUInt32LE(4)];
    if (storedLength > maxChunkBytes || rawLength > maxChunkBytes)
      throw damaged(`chunk ${chunks} has an impossible length`);
    const stored = await input.read(storedLength, `chunk ${chunks}`);
    if (crc32(stored) !== checksum) throw damaged(`chunk ${chunks} fails its checksum`);
    const raw = await decompressors[compression](stored, { maxOutputLength: maxChunkBytes }).catch((cause: Error) => {
      throw damaged(`chunk ${chunks} cannot be decompressed: ${cause.message}`);
    });
    if (raw.length !== rawLength) throw damaged(`chunk ${chunks} has ${raw.length} bytes instead of ${rawLength}`);
    hash.update(raw);
    chunks++;
    rawBytes += raw.length;
    storedBytes += storedLength;
    yield raw;
  }
  const trailer = (await readHead(input, name, 'trailer')) as Trailer;
  if (trailer.chunks !== chunks || trailer.rawBytes !== rawBytes || trailer.storedBytes !== storedBytes)
    throw damaged(
      `${chunks} chunks with ${rawBytes} bytes, but its trailer says ${trailer.chunks} with ${trailer.rawBytes}`,
    );
  if (hash.digest('hex') !== trailer.sha256) throw damaged('the SHA-256 over all chunks is not that of the trailer');
  if (!(await input.atEnd())) throw damaged('bytes follow its trailer');
  return trailer;
}

async function readHead(input: ByteReader, name: string, what: 'manifest' | 'trailer'): Promise<unknown> {
  const lengths = await input.read(8, `its ${what}`);
  const length = lengths.readUInt32LE(0);
  if (length > maxHeadBytes) throw new BackupError('damaged', `${name}: its ${what} has an impossible length`);
  const json = await input.read(length, `its ${what}`);
  if (crc32(json) !== lengths.readUInt32LE(4))
    throw new BackupError('damaged', `${name}: its ${what} fails its checksum`);
  return JSON.parse(json.toString('utf8'));
}

/** Pieces of any size out of pieces of any size; holds at most one chunk and one piece of the source. */
class ByteReader {
  readonly #name: string;
  readonly #source: AsyncIterator<Uint8Array>;
  #pieces: Buffer[] = [];
  #length = 0;

  constructor(name: string, source: AsyncIterable<Uint8Array>) {
    this.#name = name;
    this.#source = source[Symbol.asyncIterator]();
  }

  async read(size: number, what: string): Promise<Buffer> {
    while (this.#length < size) {
      if (!(await this.#more())) throw new BackupError('damaged', `${this.#name} is cut short in ${what}`);
    }
    const all = this.#pieces.length === 1 ? this.#pieces[0]! : Buffer.concat(this.#pieces);
    this.#pieces = [all.subarray(size)];
    this.#length -= size;
    return all.subarray(0, size);
  }

  async atEnd(): Promise<boolean> {
    return this.#length === 0 && !(await this.#more());
  }

  async #more(): Promise<boolean> {
    for (;;) {
      const { done, value } = await this.#source.next();
      if (done) return false;
      if (value.length === 0) continue;
      this.#pieces.push(Buffer.from(value.buffer, value.byteOffset, value.byteLength));
      this.#length += value.length;
      return true;
    }
  }
}
