import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildImage } from './build-image.ts';
import { type ImageArchive, openImageArchive } from './image-archive.ts';
import { isLatest, normalizeReference } from './reference.ts';
import { listTar } from './tar-reader.ts';
import { type TarEntry, writeTar } from './tar-writer.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'images-test-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

async function openArchive(name: string, data: Uint8Array): Promise<ImageArchive> {
  const path = join(folder, name);
  await writeFile(path, data);
  return openImageArchive(path);
}

async function content(archive: ImageArchive): Promise<Map<string, string>> {
  const result = new Map<string, string>();
  for (const blob of archive.blobs) {
    const parts: Uint8Array[] = [];
    for await (const part of archive.read(blob, 0)) parts.push(part);
    result.set(blob.descriptor.digest, Buffer.concat(parts).toString());
  }
  return result;
}

const hello: TarEntry = { kind: 'file', name: 'hello', data: Buffer.from('hello') };

describe('tar', () => {
  it('reads back what it wrote', async () => {
    const path = join(folder, 'x.tar');
    await writeFile(
      path,
      writeTar([{ kind: 'directory', name: 'd' }, hello, { kind: 'symlink', name: 'l', target: 'hello' }]),
    );
    const file = await open(path);
    const files = await listTar(file);
    await file.close();
    expect([...files.values()].map(({ name, sizeBytes, linkTarget }) => [name, sizeBytes, linkTarget])).toEqual([
      ['hello', 5, undefined],
      ['l', 0, 'hello'],
    ]);
  });

  it('refuses what is not a tar archive', async () => {
    await expect(openArchive('bad.tar', Buffer.alloc(2048, 7))).rejects.toThrow('bad header checksum at byte 0');
  });
});

describe('openImageArchive', () => {
  it('finds image and blobs of an OCI archive, children first, with garbage collection labels', async () => {
    const archive = await openArchive('oci.tar', buildImage({ reference: 'a.example/b:1', files: [hello] }));
    expect(archive.images.map((image) => image.names)).toEqual([['a.example/b:1']]);
    const last = archive.blobs.at(-1)!;
    expect(last.descriptor.digest).toBe(archive.images[0]!.target.digest);
    expect(Object.values(last.gcLabels)).toEqual(archive.blobs.slice(0, 2).map((blob) => blob.descriptor.digest));
    expect((await content(archive)).get(last.descriptor.digest)).toContain('"layers"');
    await archive.close();
  });

  it('reads a gzipped archive the same', async () => {
    const data = buildImage({ reference: 'a.example/b:1', files: [hello] });
    const plain = await openArchive('plain.tar', data);
    const packed = await openArchive('packed.tar.gz', gzipSync(data));
    expect(await content(packed)).toEqual(await content(plain));
    await plain.close();
    await packed.close();
  });

  it('makes a manifest for the output of docker save', async () => {
    const manifest = [{ Config: 'c.json', RepoTags: ['app'], Layers: ['1/layer.tar', '2/layer.tar'] }];
    const archive = await openArchive(
      'docker.tar',
      writeTar([
        { kind: 'file', name: '1/layer.tar', data: Buffer.from('layer one') },
        { kind: 'symlink', name: '2/layer.tar', target: '../1/layer.tar' },
        { kind: 'file', name: 'c.json', data: Buffer.from('{}') },
        { kind: 'file', name: 'manifest.json', data: Buffer.from(JSON.stringify(manifest)) },
      ]),
    );
    expect(archive.images[0]!.names).toEqual(['docker.io/library/app:latest']);
    expect([...(await content(archive)).values()].slice(0, 2)).toEqual(['{}', 'layer one']);
    await archive.close();
  });

  it('names the blob that is missing', async () => {
    const digest = `sha256:${'0'.repeat(64)}`;
    const index = { manifests: [{ mediaType: 'application/vnd.oci.image.manifest.v1+json', digest, size: 1 }] };
    const data = writeTar([{ kind: 'file', name: 'index.json', data: Buffer.from(JSON.stringify(index)) }]);
    await expect(openArchive('missing.tar', data)).rejects.toThrow(`blob ${digest} of index.json is missing`);
  });
});

describe('normalizeReference', () => {
  it.each([
    ['busybox', 'docker.io/library/busybox:latest', true],
    ['user/app:2', 'docker.io/user/app:2', false],
    ['localhost:5000/app', 'localhost:5000/app:latest', true],
    ['r.example/app@sha256:00', 'r.example/app@sha256:00', false],
  ])('%s', (given, full, latest) => {
    expect(normalizeReference(given)).toBe(full);
    expect(isLatest(given)).toBe(latest);
  });
});
