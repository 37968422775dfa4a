/** What Prometheus reads of a node, from its {@link Summary}: `/metrics/resource` and `/metrics/cadvisor` with upstream's names. Pure. */
import type { PodStats, Summary } from './summary.ts';

type Labels = Readonly<Record<string, string>>;

const NANO = 1e9;

/** Lines of one metric after another. */
class Text {
  #lines: string[] = [];

  metric(name: string, type: 'counter' | 'gauge', help: string, samples: readonly (readonly [Labels, number])[]): void {
    if (samples.length === 0) return;
    this.#lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`);
    for (const [labels, value] of samples) {
      const pairs = Object.entries(labels).map(([key, text]) => `${key}="${quoted(text)}"`);
      this.#lines.push(`${name}${pairs.length > 0 ? `{${pairs.join(',')}}` : ''} ${value}`);
    }
  }

  toString(): string {
    return `${this.#lines.join('\n')}\n`;
  }
}

function quoted(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

const podLabels = ({ podRef }: PodStats): Labels => ({ namespace: podRef.namespace, pod: podRef.name });

/** Of the agent's own process and what it looks after. */
export interface ProcessFacts {
  readonly cpuSeconds: number;
  readonly residentBytes: number;
  readonly heapBytes: number;
  readonly startTimeSeconds: number;
  readonly runningPods: number;
  /** By state. */
  readonly containers: ReadonlyMap<string, number>;
  readonly probes: readonly (readonly [Labels, number])[];
}

export function processMetrics(facts: ProcessFacts): string {
  const text = new Text();
  const cpu = 'Total user and system CPU time spent in seconds.';
  text.metric('process_cpu_seconds_total', 'counter', cpu, [[{}, facts.cpuSeconds]]);
  text.metric('process_resident_memory_bytes', 'gauge', 'Resident memory size in bytes.', [[{}, facts.residentBytes]]);
  text.metric('nodejs_heap_size_used_bytes', 'gauge', 'Used JavaScript heap in bytes.', [[{}, facts.heapBytes]]);
  text.metric('process_start_time_seconds', 'gauge', 'Start time of the process since unix epoch in seconds.', [
    [{}, facts.startTimeSeconds],
  ]);
  text.metric('kubelet_running_pods', 'gauge', 'Number of pods that have a running pod sandbox', [
    [{}, facts.runningPods],
  ]);
  const containers = [...facts.containers].map(([state, count]) => [{ container_state: state }, count] as const);
  text.metric('kubelet_running_containers', 'gauge', 'Number of containers by state', containers);
  return text.toString();
}

export function probeMetrics({ probes }: ProcessFacts): string {
  const text = new Text();
  const help = 'Cumulative number of a liveness, readiness or startup probe for a container by result.';
  text.metric('prober_probe_total', 'counter', help, probes);
  return text.toString();
}

export function resourceMetrics({ node, pods }: Summary): string {
  const text = new Text();
  const containers = pods.flatMap((pod) =>
    pod.containers.map((container) => ({ labels: { container: container.name, ...podLabels(pod) }, container })),
  );
  const seconds = (time: string) => Date.parse(time) / 1000;
  text.metric(
    'container_cpu_usage_seconds_total',
    'counter',
    'Cumulative cpu time consumed by the container in core-seconds',
    containers.map(({ labels, container }) => [labels, container.cpu.usageCoreNanoSeconds / NANO]),
  );
  text.metric(
    'container_memory_working_set_bytes',
    'gauge',
    'Current working set of the container in bytes',
    containers.map(({ labels, container }) => [labels, container.memory.workingSetBytes]),
  );
  text.metric(
    'container_start_time_seconds',
    'gauge',
    'Start time of the container since unix epoch in seconds',
    containers.map(({ labels, container }) => [labels, seconds(container.startTime)]),
  );
  text.metric('node_cpu_usage_seconds_total', 'counter', 'Cumulative cpu time consumed by the node in core-seconds', [
    [{}, node.cpu.usageCoreNanoSeconds / NANO],
  ]);
  text.metric('node_memory_working_set_bytes', 'gauge', 'Current working set of the node in bytes', [
    [{}, node.memory.workingSetBytes],
  ]);
  text.metric(
    'pod_cpu_usage_seconds_total',
    'counter',
    'Cumulative cpu time consumed by the pod in core-seconds',
    pods.flatMap((pod) => (pod.cpu ? [[podLabels(pod), pod.cpu.usageCoreNanoSeconds / NANO] as const] : [])),
  );
  text.metric(
    'pod_memory_working_set_bytes',
    'gauge',
    'Current working set of the pod in bytes',
    pods.flatMap((pod) => (pod.memory ? [[podLabels(pod), pod.memory.workingSetBytes] as const] : [])),
  );
  text.metric('scrape_error', 'gauge', '1 if there was an error while getting container metrics, 0 otherwise', [
    [{}, 0],
  ]);
  return text.toString();
}

export function cadvisorMetrics({ node, pods }: Summary): string {
  const text = new Text();
  const series = pods.flatMap((pod) => [
    ...(pod.cpu && pod.memory
      ? [{ labels: { container: '', ...podLabels(pod) }, cpu: pod.cpu, memory: pod.memory }]
      : []),
    ...pod.containers.map(({ name, cpu, memory }) => ({ labels: { container: name, ...podLabels(pod) }, cpu, memory })),
  ]);
  const all = [
    { labels: { container: '', namespace: '', pod: '', id: '/' }, cpu: node.cpu, memory: node.memory },
    ...series,
  ];
  text.metric(
    'container_cpu_usage_seconds_total',
    'counter',
    'Cumulative cpu time consumed in seconds.',
    all.map(({ labels, cpu }) => [{ ...labels, cpu: 'total' }, cpu.usageCoreNanoSeconds / NANO]),
  );
  const memory = (name: string, help: string, field: 'usageBytes' | 'workingSetBytes' | 'rssBytes') =>
    text.metric(
      name,
      'gauge',
      help,
      all.map((one) => [one.labels, one.memory[field]]),
    );
  memory('container_memory_usage_bytes', 'Current memory usage in bytes, including all memory.', 'usageBytes');
  memory('container_memory_working_set_bytes', 'Current working set in bytes.', 'workingSetBytes');
  memory('container_memory_rss', 'Size of RSS in bytes.', 'rssBytes');
  const traffic = pods.flatMap((pod) =>
    (pod.network?.interfaces ?? []).map((of) => ({ labels: { interface: of.name, ...podLabels(pod) }, of })),
  );
  const counter = (name: string, help: string, field: 'rxBytes' | 'txBytes' | 'rxErrors' | 'txErrors') =>
    text.metric(
      name,
      'counter',
      help,
      traffic.map(({ labels, of }) => [labels, of[field]]),
    );
  counter('container_network_receive_bytes_total', 'Cumulative count of bytes received', 'rxBytes');
  counter(
    'container_network_receive_errors_total',
    'Cumulative count of errors encountered while receiving',
    'rxErrors',
  );
  counter('container_network_transmit_bytes_total', 'Cumulative count of bytes transmitted', 'txBytes');
  counter(
    'container_network_transmit_errors_total',
    'Cumulative count of errors encountered while transmitting',
    'txErrors',
  );
  text.metric(
    'container_fs_usage_bytes',
    'gauge',
    'Number of bytes that are consumed by the container on this filesystem.',
    pods.flatMap((pod) =>
      pod.containers.flatMap(({ name, rootfs }) =>
        rootfs?.usedBytes === undefined ? [] : [[{ container: name, ...podLabels(pod) }, rootfs.usedBytes] as const],
      ),
    ),
  );
  text.metric(
    'container_processes',
    'gauge',
    'Number of processes running inside the pod.',
    pods.flatMap((pod) => (pod.process_stats ? [[podLabels(pod), pod.process_stats.process_count] as const] : [])),
  );
  return text.toString();
}
