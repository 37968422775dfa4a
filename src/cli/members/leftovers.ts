/**
 * What a worker's containerd left on the machine outside of its folders, found without asking it: it may have been killed. Read from the
 * bundles that it keeps for every running container (runtime v2: `config.json` is the OCI spec, `address` the shim's socket).
 */
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { ClusterPaths } from '../cluster/paths.ts';
import { removeNamespace } from '../host/network.ts';
import { acceptsConnections } from '../host/unix-socket.ts';

export interface Leftovers {
  /** Names below /run/netns. */
  readonly namespaces: readonly string[];
  /** Sockets of shims. */
  readonly sockets: readonly string[];
}

/** To be called before the bundles are removed. */
export function findLeftovers(paths: ClusterPaths, worker: string): Leftovers {
  const tasks = join(paths.containerdState(worker), 'io.containerd.runtime.v2.task/k8s.io');
  const namespaces = new Set<string>();
  const sockets = new Set<string>();
  for (const id of existsSync(tasks) ? readdirSync(tasks) : []) {
    const spec = readIfThere(join(tasks, id, 'config.json'));
    const network = spec && networkNamespace(spec);
    if (network?.startsWith('/run/netns/') || network?.startsWith('/var/run/netns/')) namespaces.add(basename(network));
    const address = readIfThere(join(tasks, id, 'address'))?.trim();
    if (address?.startsWith('unix://')) sockets.add(address.slice('unix://'.length));
  }
  return { namespaces: [...namespaces], sockets: [...sockets] };
}

function networkNamespace(spec: string): string | undefined {
  interface Spec {
    linux?: { namespaces?: { type?: string; path?: string }[] };
  }
  try {
    const { linux } = JSON.parse(spec) as Spec;
    return linux?.namespaces?.find((namespace) => namespace.type === 'network')?.path;
  } catch {
    // Half-written when its containerd was killed: then no container was started from it.
    return undefined;
  }
}

export async function removeLeftovers(leftovers: Leftovers): Promise<void> {
  await Promise.all(leftovers.namespaces.map(removeNamespace));
  for (const socket of leftovers.sockets) rmSync(socket, { force: true });
}

/** A shim that was killed leaves its socket; containerd forgets it together with the bundle. */
export async function removeDeadSockets(leftovers: Leftovers): Promise<void> {
  await Promise.all(
    leftovers.sockets.map(async (socket) => {
      if (!(await acceptsConnections(socket))) rmSync(socket, { force: true });
    }),
  );
}

function readIfThere(path: string): string | undefined {
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
}
