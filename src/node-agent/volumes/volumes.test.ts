import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Volume } from '../../api/generated/types/core-v1.ts';
import type { PodObjects } from '../pod/env.ts';
import type { FieldContext } from '../pod/fields.ts';
import { testContainer, testPod } from '../testing/pods.ts';
import { writeAtomically } from './atomic-writer.ts';
import { mountPointsBelow } from './mounts.ts';
import { volumePayload } from './payload.ts';
import { createDiskStorage, hostsFile } from './pod-storage.ts';
import { descriptorPath, openInside, readInside } from './safe-open.ts';
import { FakeMounter } from './testing/fake-mounter.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'volumes-test-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

let config: Record<string, string> = {};
const objects: PodObjects = {
  configMap: (name) => (name === 'config' ? { data: config } : undefined),
  secret: (name) => (name === 'secret' ? { data: { key: Buffer.from('hush').toString('base64') } } : undefined),
};
beforeEach(() => {
  config = { a: '1', b: '2' };
});

function context(pod = testPod({}, { labels: { tier: 'x' } })): FieldContext {
  const allocatable = { cpu: '2', memory: '1Ki', ephemeralStorage: '1Ki' };
  return { pod, podIps: [], hostIp: '192.0.2.1', nodeName: 'node-1', allocatable };
}

function payload(volume: Omit<Volume, 'name'>): Record<string, string> {
  const files = volumePayload({ name: 'v', ...volume }, context(), objects) ?? new Map();
  return Object.fromEntries(
    [...files].map(([path, { data, mode }]) => [path, `${mode.toString(8)} ${Buffer.from(data)}`]),
  );
}

describe('volumePayload', () => {
  it('gives a file per key, or those named by items', () => {
    expect(payload({ configMap: { name: 'config' } })).toEqual({ a: '644 1', b: '644 2' });
    const items = [{ key: 'a', path: 'x/y', mode: 0o400 }];
    expect(payload({ configMap: { name: 'config', items, defaultMode: 0o600 } })).toEqual({ 'x/y': '400 1' });
    expect(payload({ secret: { secretName: 'secret', defaultMode: 0o600 } })).toEqual({ key: '600 hush' });
  });

  it('joins projected sources', () => {
    const downwardAPI = { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] };
    const sources = [{ configMap: { name: 'config' } }, { secret: { name: 'secret' } }, { downwardAPI }];
    expect(payload({ projected: { sources } })).toEqual({
      a: '644 1',
      b: '644 2',
      key: '644 hush',
      labels: '644 tier="x"',
    });
  });

  it('names what is missing, unless it is optional', () => {
    expect(() => payload({ configMap: { name: 'nope' } })).toThrow('configmap "nope" not found');
    const items = [{ key: 'nope', path: 'x' }];
    expect(() => payload({ configMap: { name: 'config', items } })).toThrow('non-existent key: nope');
    expect(payload({ configMap: { name: 'nope', optional: true } })).toEqual({});
  });

  it.each(['../x', '/x', 'a/../../x', '..data'])('refuses the path %s', (path) => {
    expect(() => payload({ configMap: { name: 'config', items: [{ key: 'a', path }] } })).toThrow(
      'not a path within a volume',
    );
  });
});

describe('writeAtomically', () => {
  const files = (entries: Record<string, string>) =>
    new Map(Object.entries(entries).map(([path, data]) => [path, { data: Buffer.from(data), mode: 0o640 }]));

  it('shows files through links, and changes them by replacing one link', async () => {
    expect(await writeAtomically(folder, files({ a: '1', 'd/e': '2' }))).toBe(true);
    const first = await readlink(join(folder, '..data'));
    expect(await readFile(join(folder, 'd/e'), 'utf8')).toBe('2');
    expect((await stat(join(folder, 'a'))).mode & 0o777).toBe(0o640);
    expect(await writeAtomically(folder, files({ a: '1', 'd/e': '2' }))).toBe(false);
    expect(await writeAtomically(folder, files({ a: '3', f: '4' }))).toBe(true);
    expect(await readFile(join(folder, 'a'), 'utf8')).toBe('3');
    const names = await readdir(folder);
    expect(names).not.toContain(first);
    expect(names.filter((name) => !name.startsWith('..')).sort()).toEqual(['a', 'f']);
    // As after an end between the change and its links.
    await rm(join(folder, 'f'));
    await symlink('..data/gone', join(folder, 'gone'));
    expect(await writeAtomically(folder, files({ a: '3', f: '4' }))).toBe(false);
    expect((await readdir(folder)).filter((name) => !name.startsWith('..')).sort()).toEqual(['a', 'f']);
  });
});

describe('openInside', () => {
  async function opened(path: string, create = false): Promise<string> {
    const handle = await openInside(folder, path, create);
    try {
      return await readlink(descriptorPath(handle));
    } finally {
      await handle.close();
    }
  }

  it('opens what is there and makes what is missing, with the mode of the volume', async () => {
    await chmod(folder, 0o2777);
    expect(await opened('a/b', true)).toBe(join(folder, 'a/b'));
    expect((await stat(join(folder, 'a/b'))).mode & 0o7777).toBe(0o2777);
    await expect(opened('c')).rejects.toThrow('does not exist');
  });

  it('follows links within the volume and refuses those that lead out', async () => {
    await mkdir(join(folder, 'real'));
    await symlink('real', join(folder, 'inside'));
    await symlink('/etc', join(folder, 'out'));
    expect(await opened('inside/new', true)).toBe(join(folder, 'real/new'));
    await expect(opened('out/passwd')).rejects.toThrow('leads out of the volume');
    await expect(opened('out', true)).rejects.toThrow('leads out of the volume');
    await expect(opened('../x', true)).rejects.toThrow('without ".."');
  });

  it('is never led out by a pod that swaps a folder for a link all the time', async () => {
    await mkdir(join(folder, 'volume/real'), { recursive: true });
    const volume = join(folder, 'volume');
    await writeFile(join(folder, 'secret'), 'of the host');
    let swapping = true;
    const swap = (async () => {
      while (swapping) {
        await symlink(folder, join(volume, 'next'));
        await rename(join(volume, 'next'), join(volume, 'trap'));
        await rm(join(volume, 'trap'));
        await mkdir(join(volume, 'trap'));
        await rm(join(volume, 'trap'), { recursive: true });
      }
    })();
    for (let i = 0; i < 300; i++)
      expect(await readInside(volume, 'trap/secret').catch(() => undefined)).toBeUndefined();
    swapping = false;
    await swap;
  });

  it('reads regular files only', async () => {
    await writeFile(join(folder, 'vars'), "A='1'");
    await mkdir(join(folder, 'sub'));
    expect(await readInside(folder, 'vars')).toBe("A='1'");
    expect(await readInside(folder, 'nothing')).toBeUndefined();
    await expect(readInside(folder, 'sub')).rejects.toThrow('not a file');
  });
});

describe('mountPointsBelow', () => {
  it('names the innermost first, with odd characters', () => {
    const info =
      '1 0 0:1 / / rw - ext4 a rw\n2 1 0:2 / /p/a\\040b rw - tmpfs t rw\n3 2 0:2 / /p/a\\040b/c rw - tmpfs t rw\n4 1 0:2 / /pp rw';
    expect(mountPointsBelow(info, '/p')).toEqual(['/p/a b/c', '/p/a b']);
  });
});

describe('DiskStorage', () => {
  const volumes: Volume[] = [
    { name: 'scratch', emptyDir: {} },
    { name: 'config', configMap: { name: 'config' } },
  ];
  const volumeMounts = [
    { name: 'scratch', mountPath: '/scratch', subPath: 'inner' },
    { name: 'config', mountPath: '/config' },
    { name: 'config', mountPath: '/a', subPath: 'a' },
  ];
  const container = testContainer('app', { volumeMounts });
  const pod = testPod({ volumes, containers: [container] });

  function storage() {
    return createDiskStorage({
      root: join(folder, 'pods'),
      logsRoot: join(folder, 'logs'),
      clusterDomain: 'cluster.local',
      mounter: new FakeMounter(),
    });
  }

  it('prepares volumes and mounts, follows changes, and removes all of it', async () => {
    const disk = storage();
    await disk.prepare(pod, context(pod), objects);
    const mounts = await disk.mounts({ pod, container, attempt: 0, env: [], podIps: ['10.0.0.9'] });
    expect(mounts.map(({ containerPath, readOnly }) => [containerPath, readOnly])).toEqual([
      ['/scratch', false],
      ['/config', true],
      ['/a', true],
      ['/etc/hosts', false],
      ['/dev/termination-log', false],
    ]);
    expect((await stat(mounts[0]!.hostPath)).mode & 0o777).toBe(0o777);
    expect(await readFile(mounts[2]!.hostPath, 'utf8')).toBe('1');
    config = { a: 'changed' };
    await disk.prepare(pod, context(pod), objects);
    expect(await readFile(join(mounts[1]!.hostPath, 'a'), 'utf8')).toBe('changed');
    await mkdir(disk.logDirectory(pod.metadata), { recursive: true });
    expect(await disk.list()).toEqual([{ namespace: 'default', name: 'web', uid: 'uid-1' }]);
    await disk.remove(pod.metadata);
    expect(await disk.list()).toEqual([]);
  });

  it('reads at most 4 KiB of a termination message', async () => {
    const disk = storage();
    await disk.prepare(pod, context(pod), objects);
    const mounts = await disk.mounts({ pod, container, attempt: 3, env: [], podIps: [] });
    await writeFile(mounts.at(-1)!.hostPath, 'x'.repeat(5000));
    expect(await disk.terminationMessage('uid-1', 'app', 3)).toBe('x'.repeat(4096));
    expect(await disk.terminationMessage('uid-1', 'app', 4)).toBe('');
  });

  it('refuses a volume of an unknown kind', async () => {
    const odd = testPod({ volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'x' } }] });
    await expect(storage().prepare(odd, context(odd), objects)).rejects.toThrow('volume "v" is of a kind');
  });
});

it('writes the hosts file with the names of the pod and its aliases', () => {
  const pod = testPod({ hostname: 'h', subdomain: 's', hostAliases: [{ ip: '192.0.2.9', hostnames: ['x', 'y'] }] });
  const text = hostsFile(pod, ['10.0.0.9'], 'cluster.local');
  expect(text).toContain('10.0.0.9\th.s.default.svc.cluster.local\th\n');
  expect(text).toContain('192.0.2.9\tx\ty\n');
});
