/**
 * Reads what is in an image archive: an OCI image layout (index.json, blobs) or the output of `docker save` (manifest.json and layers),
 * gzipped or not. The result names every blob to store, children before parents, and every image to create.
 */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { type FileHandle, mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, posix } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { normalizeReference } from './reference.ts';
import { listTar, type TarFile } from './tar-reader.ts';

/** Manifests and configurations are read into memory up to this size. */
const MAX_JSON_BYTES = 8 * 1024 * 1024;
const READ_BYTES = 1024 * 1024;
const DOCKER = 'application/vnd.docker';

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface Blob {
  readonly descriptor: Descriptor;
  /** Bytes in memory (made by us), or a range of the archive. */
  readonly source: Uint8Array | TarFile;
  /** containerd's garbage collection follows these from this blob to its children. */
  readonly gcLabels: Readonly<Record<string, string>>;
}

export interface ArchivedImage {
  readonly names: readonly string[];
  readonly target: Descriptor;
}

export interface ImageArchive {
  readonly blobs: readonly Blob[];
  readonly images: readonly ArchivedImage[];
  /** A blob's bytes in chunks of at most 1 MiB, from `offset` on. */
  read(blob: Blob, offset: number): AsyncGenerator<Uint8Array>;
  close(): Promise<void>;
}

interface Manifest {
  manifests?: Descriptor[];
  config?: Descriptor;
  layers?: Descriptor[];
}

/** @throws Error that names the file and what is wrong with it. The caller closes the archive. */
export async function openImageArchive(path: string): Promise<ImageArchive> {
  const { file, cleanUp } = await openPlain(path);
  const close = async () => {
    await file.close();
    await cleanUp();
  };
  try {
    const reader = new ArchiveReader(file, await listTar(file));
    const content = reader.has('index.json') ? await reader.readOci() : await reader.readDocker();
    return { ...content, read: (blob, offset) => readBlob(file, blob, offset), close };
  } catch (cause) {
    await close();
    throw new Error(`cannot read image archive "${path}": ${(cause as Error).message}`, { cause });
  }
}

class ArchiveReader {
  readonly #file: FileHandle;
  readonly #entries: ReadonlyMap<string, TarFile>;
  readonly #blobs = new Map<string, Blob>();

  constructor(file: FileHandle, entries: ReadonlyMap<string, TarFile>) {
    this.#file = file;
    this.#entries = entries;
  }

  has(name: string): boolean {
    return this.#entries.has(name);
  }

  async readOci(): Promise<{ blobs: Blob[]; images: ArchivedImage[] }> {
    const index = JSON.parse((await this.#bytes('index.json')).toString()) as Manifest;
    const dockerNames = this.has('manifest.json') ? await this.#dockerNames() : [];
    const images: ArchivedImage[] = [];
    for (const [position, descriptor] of (index.manifests ?? []).entries()) {
      if (!(await this.#addTree(descriptor))) throw new Error(`blob ${descriptor.digest} of index.json is missing`);
      const { mediaType, digest, size } = descriptor;
      images.push({ names: ociNames(descriptor, dockerNames[position] ?? []), target: { mediaType, digest, size } });
    }
    return { blobs: [...this.#blobs.values()], images };
  }

  async readDocker(): Promise<{ blobs: Blob[]; images: ArchivedImage[] }> {
    if (!this.has('manifest.json')) throw new Error('it has neither index.json (OCI) nor manifest.json (docker save)');
    const images: ArchivedImage[] = [];
    for (const entry of await this.#dockerManifest()) {
      const config = await this.#addFile(entry.Config, `${DOCKER}.container.image.v1+json`);
      const layers: Descriptor[] = [];
      for (const layer of entry.Layers) {
        const suffix = (await this.#isGzip(layer)) ? '.gzip' : '';
        layers.push(await this.#addFile(layer, `${DOCKER}.image.rootfs.diff.tar${suffix}`));
      }
      const mediaType = `${DOCKER}.distribution.manifest.v2+json`;
      const data = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, config, layers }));
      const descriptor = { mediaType, digest: sha256(data), size: data.length };
      this.#blobs.set(descriptor.digest, { descriptor, source: data, gcLabels: gcLabels({ config, layers }) });
      images.push({ names: (entry.RepoTags ?? []).map(normalizeReference), target: descriptor });
    }
    return { blobs: [...this.#blobs.values()], images };
  }

  /** Adds a blob and all below it. False when it is not in the archive (other platforms' images often are not). */
  async #addTree(descriptor: Descriptor): Promise<boolean> {
    const entry = this.#entries.get(`blobs/${descriptor.digest.replace(':', '/')}`);
    if (!entry) return false;
    if (this.#blobs.has(descriptor.digest)) return true;
    let labels = {};
    if (/manifest|index/.test(descriptor.mediaType)) {
      const manifest = JSON.parse((await this.#bytes(entry.name)).toString()) as Manifest;
      const isIndex = manifest.manifests !== undefined;
      const present: Descriptor[] = [];
      for (const child of [
        ...(manifest.manifests ?? []),
        ...(manifest.config ? [manifest.config] : []),
        ...(manifest.layers ?? []),
      ]) {
        if (await this.#addTree(child)) present.push(child);
        else if (!isIndex) throw new Error(`blob ${child.digest} of manifest ${descriptor.digest} is missing`);
      }
      labels = gcLabels(isIndex ? { manifests: present } : manifest);
    }
    this.#blobs.set(descriptor.digest, { descriptor, source: entry, gcLabels: labels });
    return true;
  }

  async #addFile(name: string, mediaType: string): Promise<Descriptor> {
    const entry = this.#resolve(name);
    const hash = createHash('sha256');
    for await (const chunk of readRange(this.#file, entry, 0)) hash.update(chunk);
    const descriptor = { mediaType, digest: `sha256:${hash.digest('hex')}`, size: entry.sizeBytes };
    this.#blobs.set(descriptor.digest, { descriptor, source: entry, gcLabels: {} });
    return descriptor;
  }

  /** Old `docker save` stores a layer that two images share once, and links to it. */
  #resolve(name: string): TarFile {
    let entry = this.#entries.get(name);
    for (let hops = 0; entry?.linkTarget !== undefined && hops < 8; hops++) {
      const target: string = entry.linkTarget;
      entry = this.#entries.get(target) ?? this.#entries.get(posix.join(posix.dirname(entry.name), target));
    }
    if (!entry || entry.linkTarget !== undefined) throw new Error(`"${name}" is missing`);
    return entry;
  }

  async #isGzip(name: string): Promise<boolean> {
    const magic = Buffer.alloc(2);
    await this.#file.read(magic, 0, 2, this.#resolve(name).offset);
    return magic[0] === 0x1f && magic[1] === 0x8b;
  }

  async #bytes(name: string): Promise<Buffer> {
    const entry = this.#resolve(name);
    if (entry.sizeBytes > MAX_JSON_BYTES)
      throw new Error(`"${name}" has ${entry.sizeBytes} bytes, more than ${MAX_JSON_BYTES}`);
    const data = Buffer.alloc(entry.sizeBytes);
    await this.#file.read(data, 0, data.length, entry.offset);
    return data;
  }

  async #dockerManifest(): Promise<{ Config: string; RepoTags?: string[] | null; Layers: string[] }[]> {
    return JSON.parse((await this.#bytes('manifest.json')).toString());
  }

  async #dockerNames(): Promise<string[][]> {
    return (await this.#dockerManifest()).map((entry) => entry.RepoTags ?? []);
  }
}

/** containerd's own annotation holds a full name; the standard one often holds a tag only. */
function ociNames(descriptor: Descriptor, dockerNames: readonly string[]): string[] {
  const full = descriptor.annotations?.['io.containerd.image.name'];
  if (full !== undefined) return [normalizeReference(full)];
  if (dockerNames.length > 0) return dockerNames.map(normalizeReference);
  const reference = descriptor.annotations?.['org.opencontainers.image.ref.name'];
  return reference !== undefined && /[/:]/.test(reference) ? [normalizeReference(reference)] : [];
}

function gcLabels(manifest: Manifest): Record<string, string> {
  const prefix = 'containerd.io/gc.ref.content';
  const labels: Record<string, string> = {};
  if (manifest.config) labels[`${prefix}.config`] = manifest.config.digest;
  for (const [i, layer] of (manifest.layers ?? []).entries()) labels[`${prefix}.l.${i}`] = layer.digest;
  for (const [i, child] of (manifest.manifests ?? []).entries()) labels[`${prefix}.m.${i}`] = child.digest;
  return labels;
}

async function* readBlob(file: FileHandle, blob: Blob, offset: number): AsyncGenerator<Uint8Array> {
  if (blob.source instanceof Uint8Array) yield blob.source.subarray(offset);
  else yield* readRange(file, blob.source, offset);
}

async function* readRange(file: FileHandle, entry: TarFile, from: number): AsyncGenerator<Uint8Array> {
  for (let at = from; at < entry.sizeBytes; ) {
    const chunk = Buffer.alloc(Math.min(READ_BYTES, entry.sizeBytes - at));
    const { bytesRead } = await file.read(chunk, 0, chunk.length, entry.offset + at);
    if (bytesRead === 0) throw new Error(`archive ends within "${entry.name}"`);
    yield chunk.subarray(0, bytesRead);
    at += bytesRead;
  }
}

/** Opens the archive; a gzipped one is unpacked to a temporary file first, since we need to seek. */
async function openPlain(path: string): Promise<{ file: FileHandle; cleanUp: () => Promise<void> }> {
  const file = await open(path, 'r');
  const magic = Buffer.alloc(2);
  await file.read(magic, 0, 2, 0);
  if (magic[0] !== 0x1f || magic[1] !== 0x8b) return { file, cleanUp: async () => undefined };
  await file.close();
  const folder = await mkdtemp(join(tmpdir(), 'trimast-image-'));
  const cleanUp = () => rm(folder, { recursive: true, force: true });
  try {
    const plain = join(folder, 'image.tar');
    await pipeline(createReadStream(path), createGunzip(), createWriteStream(plain));
    return { file: await open(plain, 'r'), cleanUp };
  } catch (cause) {
    await cleanUp();
    throw new Error(`cannot unpack "${path}": ${(cause as Error).message}`, { cause });
  }
}

function sha256(data: Uint8Array): string {
  return `sha256:${createHash('sha256').update(data).digest('hex')}`;
}
