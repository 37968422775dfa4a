/** The READY, STATUS and RESTARTS of a pod, as kubectl shows them: one word for what most deserves attention. */
import type { Container, ContainerState, ContainerStatus, Pod } from '../../generated/types/core-v1.ts';
import { age } from '../../table/duration.ts';

export interface PrintedStatus {
  readonly ready: string;
  readonly status: string;
  readonly restarts: string;
}

interface Restarts {
  count: number;
  /** Milliseconds; 0 when unknown. */
  lastMs: number;
}

export function printedStatus(pod: Pod, nowMs: number): PrintedStatus {
  const { spec, status = {} } = pod;
  const inits = spec?.initContainers ?? [];
  const sidecars = new Set(inits.filter((container) => container.restartPolicy === 'Always').map(({ name }) => name));
  const init = initState(status.initContainerStatuses ?? [], inits, sidecars);
  let word = status.reason || status.phase || '';
  const conditions = status.conditions ?? [];
  if (conditions.some(({ type, reason }) => type === 'PodScheduled' && reason === 'SchedulingGated')) {
    word = 'SchedulingGated';
  }
  let ready = init.ready;
  let restarts = init.restarts;
  if (init.word !== undefined) word = init.word;
  const isTrue = (type: string) => conditions.some((one) => one.type === type && one.status === 'True');
  if (init.word === undefined || isTrue('Initialized')) {
    const main = mainState(status.containerStatuses ?? []);
    ready += main.ready;
    restarts = combine(init.sidecarRestarts, main.restarts);
    if (main.word !== undefined) word = main.word;
    if (word === 'Completed' && main.running) word = isTrue('Ready') ? 'Running' : 'NotReady';
  }
  if (pod.metadata?.deletionTimestamp) {
    if (status.reason === 'NodeLost') word = 'Unknown';
    else if (status.phase !== 'Succeeded' && status.phase !== 'Failed') word = 'Terminating';
  }
  const total = (spec?.containers?.length ?? 0) + sidecars.size;
  return { ready: `${ready}/${total}`, status: word, restarts: formatRestarts(restarts, nowMs) };
}

/** Up to the first init container that is not done; `word` is undefined when all are. */
function initState(statuses: readonly ContainerStatus[], inits: readonly Container[], sidecars: ReadonlySet<string>) {
  let ready = 0;
  let restarts: Restarts = { count: 0, lastMs: 0 };
  let sidecarRestarts: Restarts = { count: 0, lastMs: 0 };
  let word: string | undefined;
  for (const [index, status] of statuses.entries()) {
    const own = restartsOf(status);
    restarts = combine(restarts, own);
    const isSidecar = sidecars.has(status.name);
    if (isSidecar) sidecarRestarts = combine(sidecarRestarts, own);
    const { terminated, waiting } = status.state ?? {};
    if (terminated && terminated.exitCode === 0) continue;
    if (isSidecar && status.started) {
      if (status.ready) ready++;
      continue;
    }
    if (terminated) word = `Init:${terminated.reason || exitWord(terminated)}`;
    else if (waiting?.reason && waiting.reason !== 'PodInitializing') word = `Init:${waiting.reason}`;
    else word = `Init:${index}/${inits.length}`;
    break;
  }
  return { ready, restarts, sidecarRestarts, word };
}

/** The first container that is not well gives the word. */
function mainState(statuses: readonly ContainerStatus[]) {
  let ready = 0;
  let running = false;
  let restarts: Restarts = { count: 0, lastMs: 0 };
  let word: string | undefined;
  for (const status of [...statuses].reverse()) {
    restarts = combine(restarts, restartsOf(status));
    const { waiting, terminated, running: isRunning } = status.state ?? {};
    if (waiting?.reason) word = waiting.reason;
    else if (terminated) word = terminated.reason || exitWord(terminated);
    else if (status.ready && isRunning) {
      running = true;
      ready++;
    }
  }
  return { ready, running, restarts, word };
}

function exitWord(terminated: NonNullable<ContainerState['terminated']>): string {
  return terminated.signal ? `Signal:${terminated.signal}` : `ExitCode:${terminated.exitCode}`;
}

function restartsOf(status: ContainerStatus): Restarts {
  const finishedAt = status.lastState?.terminated?.finishedAt;
  return { count: status.restartCount ?? 0, lastMs: finishedAt ? Date.parse(finishedAt) || 0 : 0 };
}

function combine(a: Restarts, b: Restarts): Restarts {
  return { count: a.count + b.count, lastMs: Math.max(a.lastMs, b.lastMs) };
}

function formatRestarts({ count, lastMs }: Restarts, nowMs: number): string {
  if (count === 0 || lastMs === 0) return String(count);
  return `${count} (${age(new Date(lastMs).toISOString(), nowMs)} ago)`;
}
