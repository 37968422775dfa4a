/**
 * Removes every pod of a worker: politely through its containerd when that runs, then whatever is left of them (or of a containerd that
 * was killed): shims, containers, network namespaces, mounts, cgroups.
 */
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { RuntimeService } from '../../gen/runtime/v1/api_pb.ts';
import { containerdClient } from '../../node-agent/runtime/containerd-client.ts';
import type { ClusterPaths } from '../cluster/paths.ts';
import { removeNamespace } from '../host/network.ts';
import { findProcesses, signalProcess, waitForExit } from '../host/processes.ts';

/** One sandbox takes about 0.1 s; many at once share two cores. */
const callTimeoutMs = 20_000;
const concurrentRemovals = 16;
const killTimeoutMs = 10_000;

/** Stops and removes every sandbox through CRI. Returns how many; rejects when containerd does not answer. */
export async function removeSandboxes(socket: string): Promise<number> {
  const client = containerdClient(RuntimeService, socket);
  const options = () => ({ deadline: Date.now() + callTimeoutMs });
  try {
    const { items } = await client.unary(RuntimeService.method.listPodSandbox, {}, options());
    const waiting = items.map((item) => item.id);
    const removeNext = async (): Promise<void> => {
      for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
        await client.unary(RuntimeService.method.stopPodSandbox, { podSandboxId: id }, options());
        await client.unary(RuntimeService.method.removePodSandbox, { podSandboxId: id }, options());
      }
    };
    await Promise.all(Array.from({ length: concurrentRemovals }, removeNext));
    return items.length;
  } finally {
    client.close();
  }
}

/** What a worker's containerd left on the machine, found without asking it. */
export interface Leftovers {
  /** Names below /run/netns. */
  readonly namespaces: readonly string[];
  /** Sockets of shims. */
  readonly sockets: readonly string[];
}

/** Reads the bundles that containerd keeps for every running container. To be called before they are removed. */
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

/** Kills shims and everything else that was started for this worker's containerd: their command lines name its socket or state. */
export async function killStrays(paths: ClusterPaths, worker: string): Promise<void> {
  const state = `${paths.containerdState(worker)}/`;
  const strays = findProcesses((args) => args.some((arg) => arg.startsWith(state)));
  for (const stray of strays) signalProcess(stray, 'SIGKILL');
  await Promise.all(strays.map((stray) => waitForExit(stray, killTimeoutMs)));
}

function readIfThere(path: string): string | undefined {
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
}
