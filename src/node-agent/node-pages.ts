/** The node's pages over HTTP, from what the agent knows. */
import type { KubernetesObject } from '../api/types.ts';
import type { PodWorker } from './pod/worker.ts';
import type { ProbeManager } from './probes/probe-manager.ts';
import type { SampledPod, StatsCollector } from './stats/collector.ts';
import {
  cadvisorMetrics,
  type ProcessFacts,
  probeMetrics,
  processMetrics,
  resourceMetrics,
} from './stats/prometheus.ts';
import type { NodePages } from './streaming/handle-node-page.ts';

export interface NodePagesOptions {
  readonly stats: StatsCollector;
  readonly workers: ReadonlyMap<string, PodWorker>;
  readonly probes: ProbeManager;
  readonly configuration: object;
  readonly problem: () => string | undefined;
}

export function createNodePages({ stats, workers, probes, configuration, problem }: NodePagesOptions): NodePages {
  return {
    problem,
    configuration: () => configuration,
    summary: (onlyCpuAndMemory) => stats.summary(onlyCpuAndMemory),
    pods: () => [...workers.values()].map(({ pod, status }) => ({ ...pod, status }) as unknown as KubernetesObject),
    async metrics(kind) {
      switch (kind) {
        case 'resource':
          return resourceMetrics(await stats.summary(true));
        case 'cadvisor':
          return cadvisorMetrics(await stats.summary(false));
        case 'probes':
          return probeMetrics(processFacts(workers, probes));
        case 'process':
          return processMetrics(processFacts(workers, probes));
      }
    },
  };
}

/** Of pods that have a sandbox. */
export function* sampledPods(workers: Iterable<PodWorker>): Iterable<SampledPod> {
  for (const worker of workers) {
    const sampled = sampledPod(worker);
    if (sampled) yield sampled;
  }
}

/** Undefined while the pod has no sandbox. */
export function sampledPod({ pod, admitted, seen, status }: PodWorker): SampledPod | undefined {
  const [sandbox] = seen.sandboxes;
  if (!sandbox?.ready) return undefined;
  const containers = seen.containers.filter(({ state }) => state === 'running');
  const startedAtMs = status?.startTime === undefined ? sandbox.createdAtMs : Date.parse(status.startTime);
  return { pod: admitted ?? pod, sandbox, containers, startedAtMs };
}

function processFacts(workers: ReadonlyMap<string, PodWorker>, probes: ProbeManager): ProcessFacts {
  const containers = new Map<string, number>();
  let runningPods = 0;
  for (const { seen } of workers.values()) {
    if (seen.sandboxes[0]?.ready) runningPods++;
    for (const { state } of seen.containers) containers.set(state, (containers.get(state) ?? 0) + 1);
  }
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed } = process.memoryUsage();
  const results = [...probes.counts()].flatMap(({ podUid, container, kind, successes, failures }) => {
    const { name = '', namespace = '' } = workers.get(podUid)?.pod.metadata ?? {};
    const probeType = `${kind.charAt(0).toUpperCase()}${kind.slice(1)}`;
    const labels = { container, namespace, pod: name, pod_uid: podUid, probe_type: probeType };
    return [
      [{ ...labels, result: 'successful' }, successes] as const,
      [{ ...labels, result: 'failed' }, failures] as const,
    ];
  });
  return {
    cpuSeconds: (user + system) / 1e6,
    residentBytes: rss,
    heapBytes: heapUsed,
    startTimeSeconds: Math.round(Date.now() / 1000 - process.uptime()),
    runningPods,
    containers,
    probes: results,
  };
}
