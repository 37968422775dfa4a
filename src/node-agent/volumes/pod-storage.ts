/**
 * Everything of a pod on the node's disk, below `ROOT/<uid>/`: `volumes/<name>`, `etc-hosts`, `termination/<container>/<attempt>`, and its logs.
 * What is written is remembered nowhere else: a restarted agent finds it by the same paths.
 */
import { execFile } from 'node:child_process';
import { chmod, chown, mkdir, open, readdir, readFile, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { promisify } from 'node:util';
import type { Container, EmptyDirVolumeSource, Volume, VolumeMount } from '../../api/generated/types/core-v1.ts';
import { terminationMessagePath } from '../pod/container-spec.ts';
import { expandReferences, type PodObjects } from '../pod/env.ts';
import type { FieldContext } from '../pod/fields.ts';
import { bytes } from '../pod/qos.ts';
import { podFqdn, podHostname } from '../pod/sandbox-spec.ts';
import type { WantedPod } from '../pod/types.ts';
import type { Mount } from '../runtime/runtime.ts';
import { writeAtomically } from './atomic-writer.ts';
import { prepareHostPath } from './host-path.ts';
import { volumePayload } from './payload.ts';

export interface MountRequest {
  readonly pod: WantedPod;
  readonly container: Container;
  readonly attempt: number;
  readonly env: readonly { readonly name: string; readonly value: string }[];
  readonly podIps: readonly string[];
}

export interface PodStorage {
  /** Makes or refreshes all volumes. @throws MissingObjectError while something they need is not there. */
  prepare(pod: WantedPod, context: FieldContext, objects: PodObjects): Promise<void>;
  /** The file of a volume of ours as it is now; undefined when there is none. */
  written(podUid: string, volume: string, path: string): Promise<string | undefined>;
  /** The mounts of one container; makes its termination-message file and the pod's hosts file. */
  mounts(request: MountRequest): Promise<Mount[]>;
  /** At most 4 KiB; empty when there is none. */
  terminationMessage(podUid: string, container: string, attempt: number): Promise<string>;
  logDirectory(pod: { readonly namespace: string; readonly name: string; readonly uid: string }): string;
  /** Removes everything of a pod, mounts included. */
  remove(pod: { readonly namespace: string; readonly name: string; readonly uid: string }): Promise<void>;
  /** Pods that have something on disk. Of folders without a log, namespace and name are empty. */
  list(): Promise<{ namespace: string; name: string; uid: string }[]>;
}

const MAX_TERMINATION_MESSAGE_BYTES = 4096;
const COMMAND_TIMEOUT_MS = 10_000;
const run = promisify(execFile);

export interface DiskStorageOptions {
  /** Folder of all pods' data. */
  readonly root: string;
  readonly logsRoot: string;
  readonly clusterDomain: string;
}

export function createDiskStorage(options: DiskStorageOptions): PodStorage {
  return new DiskStorage(options);
}

class DiskStorage implements PodStorage {
  readonly #options: DiskStorageOptions;

  constructor(options: DiskStorageOptions) {
    this.#options = options;
  }

  async prepare(pod: WantedPod, context: FieldContext, objects: PodObjects): Promise<void> {
    const folder = join(this.#options.root, pod.metadata.uid, 'volumes');
    await mkdir(folder, { recursive: true, mode: 0o755 });
    const group = pod.spec.securityContext?.fsGroup;
    for (const volume of pod.spec.volumes ?? []) {
      const target = join(folder, volume.name);
      const payload = volumePayload(volume, context, objects);
      if (payload) await writeAtomically(target, payload, group);
      else if (volume.emptyDir) await this.#prepareEmptyDir(target, volume.emptyDir, group);
      else if (volume.hostPath) await prepareHostPath(volume.hostPath);
      else throw new Error(`volume "${volume.name}" is of a kind that this node cannot provide`);
    }
  }

  async written(podUid: string, volume: string, path: string): Promise<string | undefined> {
    const file = join(this.#options.root, podUid, 'volumes', volume, path);
    return readFile(file, 'utf8').catch(() => undefined);
  }

  async mounts(request: MountRequest): Promise<Mount[]> {
    const { pod, container } = request;
    const mounts: Mount[] = [];
    for (const mount of container.volumeMounts ?? []) {
      const volume = pod.spec.volumes?.find(({ name }) => name === mount.name);
      if (!volume)
        throw new Error(`container "${container.name}" mounts volume "${mount.name}", which is not in the pod`);
      mounts.push(await this.#volumeMount(request, volume, mount));
    }
    const taken = new Set(mounts.map(({ containerPath }) => containerPath));
    if (!pod.spec.hostNetwork && !taken.has('/etc/hosts')) mounts.push(await this.#hostsMount(request));
    const messagePath = terminationMessagePath(container);
    if (!taken.has(messagePath)) {
      const hostPath = this.#messageFile(pod.metadata.uid, container.name, request.attempt);
      await mkdir(join(hostPath, '..'), { recursive: true, mode: 0o755 });
      await writeFile(hostPath, '');
      await chmod(hostPath, 0o666);
      mounts.push({ containerPath: messagePath, hostPath, readOnly: false, propagation: 'private' });
    }
    return mounts;
  }

  async terminationMessage(podUid: string, container: string, attempt: number): Promise<string> {
    const path = this.#messageFile(podUid, container, attempt);
    const file = await open(path, 'r').catch(() => undefined);
    if (!file) return '';
    try {
      const buffer = Buffer.alloc(MAX_TERMINATION_MESSAGE_BYTES);
      const { bytesRead } = await file.read(buffer, 0, buffer.length, 0);
      return buffer.toString('utf8', 0, bytesRead);
    } finally {
      await file.close();
    }
  }

  logDirectory({ namespace, name, uid }: { namespace: string; name: string; uid: string }): string {
    return join(this.#options.logsRoot, `${namespace}_${name}_${uid}`);
  }

  async remove(pod: { namespace: string; name: string; uid: string }): Promise<void> {
    const folder = join(this.#options.root, pod.uid);
    const volumes = join(folder, 'volumes');
    for (const name of await readdir(volumes).catch(() => [])) {
      if (await isMountPoint(join(volumes, name)))
        await run('umount', [join(volumes, name)], { timeout: COMMAND_TIMEOUT_MS });
    }
    await rm(folder, { recursive: true, force: true });
    if (pod.namespace !== '') await rm(this.logDirectory(pod), { recursive: true, force: true });
  }

  async list(): Promise<{ namespace: string; name: string; uid: string }[]> {
    const found = new Map<string, { namespace: string; name: string; uid: string }>();
    for (const uid of await readdir(this.#options.root).catch(() => []))
      found.set(uid, { namespace: '', name: '', uid });
    for (const entry of await readdir(this.#options.logsRoot).catch(() => [])) {
      const [namespace, name, uid] = entry.split('_');
      if (namespace !== undefined && name !== undefined && uid !== undefined) found.set(uid, { namespace, name, uid });
    }
    return [...found.values()];
  }

  async #prepareEmptyDir(target: string, source: EmptyDirVolumeSource, group: number | undefined): Promise<void> {
    const isNew = !(await stat(target).catch(() => undefined));
    await mkdir(target, { recursive: true });
    if (source.medium === 'Memory' && !(await isMountPoint(target))) {
      const size = source.sizeLimit === undefined ? [] : [`size=${bytes(source.sizeLimit)}`];
      const options = ['mode=0777', ...size].join(',');
      await run('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', target], { timeout: COMMAND_TIMEOUT_MS });
    }
    // Later changes of mode are the pod's own business.
    if (!isNew) return;
    if (group !== undefined) await chown(target, 0, group);
    await chmod(target, group === undefined ? 0o777 : 0o2777);
  }

  async #volumeMount(request: MountRequest, volume: Volume, mount: VolumeMount): Promise<Mount> {
    const folder = volume.hostPath?.path ?? join(this.#options.root, request.pod.metadata.uid, 'volumes', volume.name);
    const known = new Map(request.env.map(({ name, value }) => [name, value]));
    const subPath = mount.subPathExpr !== undefined ? expandReferences(mount.subPathExpr, known) : mount.subPath;
    const isPayload = !(volume.hostPath || volume.emptyDir);
    return {
      containerPath: mount.mountPath.startsWith('/') ? mount.mountPath : `/${mount.mountPath}`,
      hostPath: subPath ? await resolveSubPath(folder, subPath, !isPayload && !mount.readOnly) : folder,
      readOnly: mount.readOnly === true || isPayload,
      propagation:
        mount.mountPropagation === 'Bidirectional'
          ? 'bidirectional'
          : mount.mountPropagation === 'HostToContainer'
            ? 'host-to-container'
            : 'private',
    };
  }

  async #hostsMount({ pod, podIps }: MountRequest): Promise<Mount> {
    const hostPath = join(this.#options.root, pod.metadata.uid, 'etc-hosts');
    await writeFile(hostPath, hostsFile(pod, podIps, this.#options.clusterDomain));
    await chmod(hostPath, 0o644);
    return { containerPath: '/etc/hosts', hostPath, readOnly: false, propagation: 'private' };
  }

  #messageFile(podUid: string, container: string, attempt: number): string {
    return join(this.#options.root, podUid, 'termination', container, String(attempt));
  }
}

export function hostsFile(pod: WantedPod, podIps: readonly string[], clusterDomain: string): string {
  const names = [podFqdn(pod, clusterDomain), podHostname(pod)].filter((name) => name !== undefined).join('\t');
  const aliases = (pod.spec.hostAliases ?? []).map(({ ip, hostnames = [] }) => `${ip}\t${hostnames.join('\t')}`);
  return [
    '# Kubernetes-managed hosts file.',
    '127.0.0.1\tlocalhost',
    '::1\tlocalhost ip6-localhost ip6-loopback',
    'fe00::0\tip6-localnet',
    'fe00::0\tip6-mcastprefix',
    'fe00::1\tip6-allnodes',
    'fe00::2\tip6-allrouters',
    ...podIps.map((ip) => `${ip}\t${names}`),
    ...(aliases.length > 0 ? ['', '# Entries added by HostAliases.', ...aliases] : []),
    '',
  ].join('\n');
}

/** The real path of `subPath` in a volume. @throws Error when it leads out of the volume, also through a link that a pod planted. */
export async function resolveSubPath(folder: string, subPath: string, create: boolean): Promise<string> {
  if (subPath.startsWith('/') || subPath.split('/').includes('..')) {
    throw new Error(`subPath "${subPath}" must be relative and without ".."`);
  }
  const root = await realpath(folder);
  const inside = (path: string) => path === root || path.startsWith(root + sep);
  let current = root;
  for (const part of subPath.split('/').filter((piece) => piece !== '' && piece !== '.')) {
    const next = join(current, part);
    // Each step is checked before anything is made below it.
    const real = await realpath(next).catch(() => undefined);
    if (real === undefined) {
      if (!create) throw new Error(`subPath "${subPath}" does not exist in the volume`);
      await mkdir(next);
      // Open to the pod's user, and with the volume's group where it has one.
      await chmod(next, ((await stat(current)).mode & 0o2000) | 0o777);
      current = next;
    } else current = real;
    if (!inside(current)) throw new Error(`subPath "${subPath}" leads out of the volume`);
  }
  return current;
}

async function isMountPoint(path: string): Promise<boolean> {
  const [own, parent] = await Promise.all([stat(path), stat(join(path, '..'))]).catch(() => [undefined, undefined]);
  return own !== undefined && parent !== undefined && own.dev !== parent.dev;
}
