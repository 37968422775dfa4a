/** Backups in a bucket of S3-compatible storage. Small ones in one request, others in parts. */
import type { BackupTarget, StoredBackup } from '../target.ts';
import type { S3Client } from './s3-client.ts';

/** S3 wants at least 5 MiB per part and takes 10,000 of them: enough for 80 GiB. */
const partBytes = 8 << 20;

export class S3Target implements BackupTarget {
  readonly description: string;
  readonly #client: S3Client;
  readonly #prefix: string;

  constructor(client: S3Client, bucket: string, prefix: string) {
    this.#client = client;
    this.#prefix = prefix === '' ? '' : `${prefix.replace(/\/+$/, '')}/`;
    this.description = `s3://${bucket}/${this.#prefix}`;
  }

  async write(name: string, content: AsyncIterable<Uint8Array>): Promise<void> {
    const parts = inParts(content);
    const first = await parts.next();
    const second = await parts.next();
    const key = this.#prefix + name;
    if (second.done) return this.#client.put(key, first.value ?? new Uint8Array());
    await this.#client.putParts(key, chain([first.value!, second.value], parts));
  }

  async list(): Promise<StoredBackup[]> {
    const objects = await this.#client.list(this.#prefix);
    return objects
      .map(({ key, bytes }) => ({ name: key.slice(this.#prefix.length), bytes }))
      .filter(({ name }) => name.endsWith('.backup') && !name.includes('/'))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  read(name: string): Promise<AsyncIterable<Uint8Array>> {
    return this.#client.get(this.#prefix + name);
  }

  remove(name: string): Promise<void> {
    return this.#client.remove(this.#prefix + name);
  }
}

async function* inParts(content: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of content) {
    pieces.push(piece);
    length += piece.length;
    if (length < partBytes) continue;
    yield Buffer.concat(pieces);
    pieces = [];
    length = 0;
  }
  if (length > 0) yield Buffer.concat(pieces);
}

async function* chain(first: readonly Uint8Array[], rest: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* first;
  yield* rest;
}
