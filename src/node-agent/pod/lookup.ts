/** The pods of a node as the streaming server asks for them. */
import { join } from 'node:path';
import type { ContainerTarget, PodLookup, PodTarget } from '../pod-lookup.ts';
import type { PodStorage } from '../volumes/pod-storage.ts';
import { containerLogPath } from './container-spec.ts';
import { statusesOf } from './status.ts';
import { ephemeralContainers, newestOf } from './types.ts';
import type { PodWorker } from './worker.ts';

const DEFAULT_CONTAINER = 'kubectl.kubernetes.io/default-container';

/** Of pods of the same name (one just replaced by another) the one that is still wanted is found. */
export function createPodLookup(
  workers: ReadonlyMap<string, PodWorker>,
  storage: PodStorage,
  options: { readonly hollow: boolean; readonly subscribe: PodLookup['subscribe'] },
): PodLookup {
  const findPod = (namespace: string, name: string): PodTarget | undefined => {
    let found: PodWorker | undefined;
    for (const worker of workers.values()) {
      const { metadata } = worker.pod;
      if (metadata.namespace !== namespace || metadata.name !== name) continue;
      if (!found || found.removed) found = worker;
    }
    return found && podTarget(found, storage);
  };
  return {
    hollow: options.hollow,
    subscribe: options.subscribe,
    findPod,
    findContainer(namespace, podName, container) {
      const pod = findPod(namespace, podName);
      const name = container ?? pod?.defaultContainer;
      return pod?.containers.find((candidate) => candidate.container === name);
    },
  };
}

function podTarget(worker: PodWorker, storage: PodStorage): PodTarget {
  const { pod, status, seen } = worker;
  const { metadata, spec } = pod;
  const names = [
    ...spec.containers.map((container) => ({ container, kind: 'regular' as const })),
    ...(spec.initContainers ?? []).map((container) => ({ container, kind: 'init' as const })),
    ...ephemeralContainers(spec).map((container) => ({ container, kind: 'ephemeral' as const })),
  ];
  const sandbox = seen.sandboxes[0];
  return {
    namespace: metadata.namespace,
    name: metadata.name,
    uid: metadata.uid,
    hostNetwork: spec.hostNetwork === true,
    ...(sandbox && { sandboxId: sandbox.id }),
    ...(status?.podIP !== undefined && { podIp: status.podIP }),
    defaultContainer: metadata.annotations?.[DEFAULT_CONTAINER] ?? spec.containers[0]?.name ?? '',
    containers: names.map(({ container, kind }): ContainerTarget => {
      const newest = newestOf(seen.containers, container.name);
      const previous = seen.containers
        .filter(({ name, attempt }) => name === container.name && newest && attempt < newest.attempt)
        .sort((a, b) => b.attempt - a.attempt)[0];
      const statuses = statusesOf(status, kind);
      const waiting = statuses?.find(({ name }) => name === container.name)?.state?.waiting?.reason;
      const logs = storage.logDirectory(metadata);
      return {
        podUid: metadata.uid,
        container: container.name,
        kind,
        state: newest?.state === 'running' ? 'running' : newest?.state === 'exited' ? 'terminated' : 'waiting',
        ...(waiting !== undefined && { waitingReason: waiting }),
        ...(newest && {
          containerId: newest.id,
          logPath: join(logs, containerLogPath(container.name, newest.attempt)),
        }),
        ...(previous && { previousLogPath: join(logs, containerLogPath(container.name, previous.attempt)) }),
        tty: container.tty === true,
        stdin: container.stdin === true,
        stdinOnce: container.stdinOnce === true,
      };
    }),
  };
}
