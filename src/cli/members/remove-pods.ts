/** Removes every pod of a worker: politely through its containerd when that runs, by force otherwise. */
import { RuntimeService } from '../../gen/runtime/v1/api_pb.ts';
import { containerdClient } from '../../node-agent/runtime/containerd-client.ts';
import type { ClusterPaths } from '../cluster/paths.ts';
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

/** Kills shims and everything else that was started for this worker's containerd: their command lines name its socket or state. */
export async function killStrays(paths: ClusterPaths, worker: string): Promise<void> {
  const state = `${paths.containerdState(worker)}/`;
  const strays = findProcesses((args) => args.some((arg) => arg.startsWith(state)));
  for (const stray of strays) signalProcess(stray, 'SIGKILL');
  await Promise.all(strays.map((stray) => waitForExit(stray, killTimeoutMs)));
}
