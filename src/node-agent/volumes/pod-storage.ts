/**
 * Everything of a pod on the node's disk, below `ROOT/<uid>/`: `volumes/<name>`, `subpaths/<container>/<n>`, `etc-hosts`, `termination/<container>/<attempt>`, and its logs.
 * What is written is remembered nowhere else: a restarted agent finds it by the same paths.
 */
import { chmod, chown, mkdir, open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Container, EmptyDirVolumeSource, Volume, VolumeMount } from '../../api/generated/types/core-v1.ts';
import { terminationMessagePath } from '../pod/container-spec.ts';
import { expandReferences, type PodObjects } from '../pod/env.ts';
import type { FieldContext } from '../pod/fields.ts';
import { bytes } from '../pod/qos.ts';
import { podFqdn, podHostname } from '../pod/sandbox-spec.ts';
import type { WantedPod } from '../pod/types.ts';
import type { Mount, PodRef } from '../runtime/runtime.ts';
import { writeAtomically } from './atomic-writer.ts';
import { prepareHostPath } from './host-path.ts';
import { createMounter, type Mounter } from './mounts.ts';
import { volumePayload } from './payload.ts';
import { descriptorPath, openInside, readInside } from './safe-open.ts';

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
  /** The text of a file in a volume, for `fileKeyRef`. Undefined when there is none. @throws Error when it leads out of the volume. */
  volumeFile(pod: WantedPod, volume: string, path: string): Promise<string | undefined>;
  /** The mounts of one container; makes its termination-message file and the pod's hosts file. */
  mounts(request: MountRequest): Promise<Mount[]>;
  /** At most 4 KiB; empty when there is none. */
  terminationMessage(podUid: string, container: string, attempt: number): Promise<string>;
  /** The folder of a volume whose content counts as the pod's own use of the node's disk; undefined for others. */
  localVolume(pod: WantedPod, volume: Volume): string | undefined;
  logDirectory(pod: { readonly namespace: string; readonly name: string; readonly uid: string }): string;
  /** Removes log and termination message of one run of a container. */
  removeRun(pod: PodRef, container: string, attempt: number): Promise<void>;
  /** Removes everything of a pod, mounts included. */
  remove(pod: { readonly namespace: string; readonly name: string; readonly uid: string }): Promise<void>;
  /** Pods that have something on disk. Of folders without a log, namespace and name are empty. */
  list(): Promise<{ namespace: string; name: string; uid: string }[]>;
}

const MAX_TERMINATION_MESSAGE_BYTES = 4096;

export interface DiskStorageOptions {
  /** Folder of all pods' data. */
  readonly root: string;
  readonly logsRoot: string;
  readonly clusterDomain: string;
  /** Default: the machine's own mounts. */
  readonly mounter?: Mounter;
}

export function createDiskStorage(options: DiskStorageOptions): PodStorage {
  return new DiskStorage(options);
}

class DiskStorage implements PodStorage {
  readonly #options: DiskStorageOptions;
  readonly #mounter: Mounter;

  constructor(options: DiskStorageOptions) {
    this.#options = options;
    this.#mounter = options.mounter ?? createMounter();
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

  async volumeFile(pod: WantedPod, volume: string, path: string): Promise<string | undefined> {
    return readInside(
      this.#folderOf(
        pod,
        pod.spec.volumes?.find(({ name }) => name === volume),
        volume,
      ),
      path,
    );
  }

  async mounts(request: MountRequest): Promise<Mount[]> {
    const { pod, container } = request;
    const mounts: Mount[] = [];
    await this.#dropSubPaths(pod.metadata.uid, container.name);
    for (const mount of container.volumeMounts ?? []) {
      const volume = pod.spec.volumes?.find(({ name }) => name === mount.name);
      if (!volume)
        throw new Error(`container "${container.name}" mounts volume "${mount.name}", which is not in the pod`);
      mounts.push(await this.#volumeMount(request, volume, mount, mounts.length));
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

  localVolume(pod: WantedPod, volume: Volume): string | undefined {
    if (volume.hostPath || volume.emptyDir?.medium === 'Memory') return undefined;
    return this.#folderOf(pod, volume, volume.name);
  }

  logDirectory({ namespace, name, uid }: { namespace: string; name: string; uid: string }): string {
    return join(this.#options.logsRoot, `${namespace}_${name}_${uid}`);
  }

  async removeRun(pod: PodRef, container: string, attempt: number): Promise<void> {
    await rm(this.#messageFile(pod.uid, container, attempt), { force: true });
    const folder = join(this.logDirectory(pod), container);
    const isOwn = (name: string) => name === `${attempt}.log` || name.startsWith(`${attempt}.log.`);
    for (const name of await readdir(folder).catch(() => []))
      if (isOwn(name)) await rm(join(folder, name), { force: true });
  }

  async remove(pod: { namespace: string; name: string; uid: string }): Promise<void> {
    const folder = join(this.#options.root, pod.uid);
    for (const target of await this.#mounter.below(folder)) await this.#mounter.unmount(target);
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

  #folderOf(pod: WantedPod, volume: Volume | undefined, name: string): string {
    return volume?.hostPath?.path ?? join(this.#options.root, pod.metadata.uid, 'volumes', name);
  }

  async #prepareEmptyDir(target: string, source: EmptyDirVolumeSource, group: number | undefined): Promise<void> {
    const isNew = !(await stat(target).catch(() => undefined));
    await mkdir(target, { recursive: true });
    if (source.medium === 'Memory' && !(await this.#mounter.below(join(target, '..'))).includes(target)) {
      const size = source.sizeLimit === undefined ? [] : [`size=${bytes(source.sizeLimit)}`];
      const options = ['mode=0777', ...size].join(',');
      await this.#mounter.tmpfs(target, options);
    }
    // Later changes of mode are the pod's own business.
    if (!isNew) return;
    if (group !== undefined) await chown(target, 0, group);
    await chmod(target, group === undefined ? 0o777 : 0o2777);
  }

  async #volumeMount(request: MountRequest, volume: Volume, mount: VolumeMount, index: number): Promise<Mount> {
    const folder = this.#folderOf(request.pod, volume, volume.name);
    const known = new Map(request.env.map(({ name, value }) => [name, value]));
    const subPath = mount.subPathExpr !== undefined ? expandReferences(mount.subPathExpr, known) : mount.subPath;
    const isPayload = !(volume.hostPath || volume.emptyDir);
    const place = join(this.#options.root, request.pod.metadata.uid, 'subpaths', request.container.name, String(index));
    return {
      containerPath: mount.mountPath.startsWith('/') ? mount.mountPath : `/${mount.mountPath}`,
      hostPath: subPath ? await this.#showSubPath(folder, subPath, place, !isPayload) : folder,
      readOnly: mount.readOnly === true || isPayload,
      propagation:
        mount.mountPropagation === 'Bidirectional'
          ? 'bidirectional'
          : mount.mountPropagation === 'HostToContainer'
            ? 'host-to-container'
            : 'private',
    };
  }

  /** The runtime mounts by path, and the pod could change that path in between: it is given a place of ours that shows what was opened. */
  async #showSubPath(folder: string, subPath: string, place: string, create: boolean): Promise<string> {
    const handle = await openInside(folder, subPath, create).catch((error: Error) => {
      throw new Error(`failed to prepare subPath for volumeMount: ${error.message}`, { cause: error });
    });
    try {
      await mkdir(join(place, '..'), { recursive: true, mode: 0o750 });
      if ((await handle.stat()).isDirectory()) await mkdir(place);
      else await writeFile(place, '', { mode: 0o640 });
      await this.#mounter.bind(descriptorPath(handle), place);
      return place;
    } finally {
      await handle.close();
    }
  }

  /** Of the run before: what its subPaths stood for may be another thing now. */
  async #dropSubPaths(podUid: string, container: string): Promise<void> {
    const folder = join(this.#options.root, podUid, 'subpaths', container);
    if (!(await stat(folder).catch(() => undefined))) return;
    for (const target of await this.#mounter.below(folder)) await this.#mounter.unmount(target);
    await rm(folder, { recursive: true });
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
