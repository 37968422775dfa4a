/**
 * Makes container images out of files, without Docker: an OCI image layout in a tar archive that also carries Docker's manifest.json,
 * so every tool that loads images reads it. One layer; the same input gives the same digest.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type TarEntry, writeTar } from './tar-writer.ts';

/** The image of every pod's sandbox; containerd's `sandbox_image`. */
export const PAUSE_IMAGE = 'trimast.local/pause:latest';
export const BUSYBOX_IMAGE = 'trimast.local/busybox:latest';

const PATH_ENV = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const MEDIA = 'application/vnd.oci.image';

export interface ImageConfig {
  readonly reference: string;
  readonly files: readonly TarEntry[];
  readonly entrypoint?: readonly string[];
  readonly command?: readonly string[];
  readonly env?: readonly string[];
  readonly user?: string;
}

/** The whole archive, in memory: for images of a few megabytes. */
export function buildImage(image: ImageConfig): Buffer {
  const platform = { architecture: process.arch === 'x64' ? 'amd64' : process.arch, os: 'linux' };
  const layer = writeTar(image.files);
  const config = json({
    ...platform,
    created: '1970-01-01T00:00:00Z',
    config: {
      Env: image.env ?? [PATH_ENV],
      WorkingDir: '/',
      ...(image.entrypoint && { Entrypoint: image.entrypoint }),
      ...(image.command && { Cmd: image.command }),
      ...(image.user !== undefined && { User: image.user }),
    },
    rootfs: { type: 'layers', diff_ids: [digest(layer)] },
    history: [{ created: '1970-01-01T00:00:00Z', created_by: 'trimast' }],
  });
  const manifest = json({
    schemaVersion: 2,
    mediaType: `${MEDIA}.manifest.v1+json`,
    config: { mediaType: `${MEDIA}.config.v1+json`, digest: digest(config), size: config.length },
    layers: [{ mediaType: `${MEDIA}.layer.v1.tar`, digest: digest(layer), size: layer.length }],
  });
  const index = json({
    schemaVersion: 2,
    mediaType: `${MEDIA}.index.v1+json`,
    manifests: [
      {
        mediaType: `${MEDIA}.manifest.v1+json`,
        digest: digest(manifest),
        size: manifest.length,
        platform,
        annotations: {
          'io.containerd.image.name': image.reference,
          'org.opencontainers.image.ref.name': image.reference.slice(image.reference.lastIndexOf(':') + 1),
        },
      },
    ],
  });
  const docker = json([{ Config: blobPath(config), RepoTags: [image.reference], Layers: [blobPath(layer)] }]);
  return writeTar([
    { kind: 'file', name: 'oci-layout', data: json({ imageLayoutVersion: '1.0.0' }) },
    { kind: 'file', name: 'index.json', data: index },
    { kind: 'file', name: 'manifest.json', data: docker },
    ...[config, manifest, layer].map((data): TarEntry => ({ kind: 'file', name: blobPath(data), data })),
  ]);
}

/**
 * Makes the two images that a cluster needs where no registry can be reached, from Debian's `catatonit` and `busybox-static`.
 * Returns the archives' paths (`DIR/pause.tar`, `DIR/busybox.tar`). Files that exist are made again: it takes milliseconds.
 *
 * @throws Error that says which program is missing.
 */
export async function buildBaseImages(
  outDir: string,
  programs: { readonly catatonit?: string; readonly busybox?: string } = {},
): Promise<{ pause: string; busybox: string }> {
  const catatonit = await readProgram(programs.catatonit ?? '/usr/bin/catatonit', 'catatonit');
  const busyboxPath = programs.busybox ?? '/bin/busybox';
  const busybox = await readProgram(busyboxPath, 'busybox-static');
  const { stdout } = await promisify(execFile)(busyboxPath, ['--list'], { timeout: 10_000 });
  const applets = stdout.split('\n').filter((name) => name !== '' && name !== 'busybox');
  await mkdir(outDir, { recursive: true });
  const pause = await writeArchive(join(outDir, 'pause.tar'), {
    reference: PAUSE_IMAGE,
    files: [{ kind: 'file', name: 'pause', data: catatonit, mode: 0o755 }],
    entrypoint: ['/pause', '-P'],
    user: '65535:65535',
  });
  const busyboxArchive = await writeArchive(join(outDir, 'busybox.tar'), {
    reference: BUSYBOX_IMAGE,
    files: busyboxRoot(busybox, applets),
    command: ['sh'],
  });
  return { pause, busybox: busyboxArchive };
}

function busyboxRoot(busybox: Buffer, applets: readonly string[]): TarEntry[] {
  const directories = ['bin', 'dev', 'etc', 'proc', 'root', 'sys', 'usr', 'usr/bin', 'var', 'var/www', 'home'];
  const file = (name: string, content: string): TarEntry => ({ kind: 'file', name, data: Buffer.from(content) });
  return [
    ...directories.map((name): TarEntry => ({ kind: 'directory', name })),
    { kind: 'directory', name: 'tmp', mode: 0o1777 },
    { kind: 'file', name: 'bin/busybox', data: busybox, mode: 0o755 },
    ...applets.map((name): TarEntry => ({ kind: 'symlink', name: `bin/${name}`, target: 'busybox' })),
    { kind: 'symlink', name: 'usr/bin/env', target: '../../bin/busybox' },
    file('etc/passwd', 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/home:/bin/false\n'),
    file('etc/group', 'root:x:0:\nnogroup:x:65534:\n'),
  ];
}

async function readProgram(path: string, debianPackage: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw new Error(`cannot read "${path}": install the Debian package "${debianPackage}"`, { cause });
  }
}

async function writeArchive(path: string, image: ImageConfig): Promise<string> {
  const temporary = `${path}.${process.pid}.tmp`;
  await writeFile(temporary, buildImage(image));
  await rename(temporary, path);
  return path;
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

function digest(data: Uint8Array): string {
  return `sha256:${createHash('sha256').update(data).digest('hex')}`;
}

function blobPath(data: Uint8Array): string {
  return `blobs/sha256/${digest(data).slice('sha256:'.length)}`;
}
