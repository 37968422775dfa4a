/** What this machine is: read once at the start. */
import { readFile, statfs } from 'node:fs/promises';
import { arch, cpus, release, totalmem } from 'node:os';
import type { NodeSystemInfo } from '../../api/generated/types/core-v1.ts';

/** The Kubernetes release whose behaviour the agent follows. */
export const KUBELET_VERSION = 'v1.35.4';
/** As many pods as a kubelet takes by default. */
export const MAX_PODS = 110;

export interface Machine {
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly diskBytes: number;
  readonly info: Omit<NodeSystemInfo, 'containerRuntimeVersion'>;
}

/** `dataDir` must exist: its file system is the node's ephemeral storage. */
export async function readMachine(dataDir: string): Promise<Machine> {
  const disk = await statfs(dataDir);
  const osRelease = await text('/etc/os-release');
  const architecture = arch() === 'x64' ? 'amd64' : arch();
  return {
    cpus: cpus().length,
    memoryBytes: totalmem(),
    diskBytes: disk.blocks * disk.bsize,
    info: {
      architecture,
      bootID: await text('/proc/sys/kernel/random/boot_id'),
      kernelVersion: release(),
      kubeletVersion: KUBELET_VERSION,
      kubeProxyVersion: '',
      machineID: await text('/etc/machine-id'),
      operatingSystem: 'linux',
      osImage: /^PRETTY_NAME="?([^"\n]*)/m.exec(osRelease)?.[1] ?? 'Linux',
      systemUUID: await text('/sys/class/dmi/id/product_uuid'),
    },
  };
}

/** What a hollow node pretends to be. */
export function hollowMachine(name: string): Machine {
  return {
    cpus: 32,
    memoryBytes: 256 * 1024 ** 3,
    diskBytes: 1024 ** 4,
    info: {
      architecture: 'amd64',
      bootID: '',
      kernelVersion: release(),
      kubeletVersion: KUBELET_VERSION,
      kubeProxyVersion: '',
      machineID: name,
      operatingSystem: 'linux',
      osImage: 'Trimast hollow node',
      systemUUID: name,
    },
  };
}

/** Empty when the file is not there, as on machines without firmware tables. */
async function text(path: string): Promise<string> {
  return (await readFile(path, 'utf8').catch(() => '')).trim();
}
