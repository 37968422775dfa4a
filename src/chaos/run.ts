/** A chaos run: clients work, the cluster is broken and healed by a plan, and in the end everything that was seen must fit together. */
import { type CheckResult, checkHistory } from './checks/check-history.ts';
import { History } from './history.ts';
import { LeaderLog, type Leading } from './leader-log.ts';
import { type Measures, measure } from './measures.ts';
import { type FaultRecord, Nemesis } from './nemesis.ts';
import { type PlanOptions, planFaults } from './plan.ts';
import type { ChaosTarget, RecordedOperation, StoreAccess } from './types.ts';
import { Watchers } from './watchers.ts';
import { Workload } from './workload.ts';

export interface ChaosOptions extends PlanOptions {
  readonly clients: number;
  readonly operationsPerSecond: number;
  readonly signal?: AbortSignal;
  readonly onFault?: (fault: FaultRecord) => void;
}

/** What clients of one API saw. */
export interface ApiOutcome {
  readonly name: string;
  readonly measures: Measures;
  readonly checks: readonly CheckResult[];
  readonly operations: readonly RecordedOperation[];
}

export interface ChaosResult {
  readonly startedAt: string;
  readonly durationMs: number;
  readonly options: Omit<ChaosOptions, 'signal' | 'onFault'>;
  readonly masters: readonly string[];
  readonly faults: readonly FaultRecord[];
  readonly leaders: readonly Leading[];
  readonly elections: number;
  readonly apis: readonly ApiOutcome[];
  /** Of the cluster as a whole. */
  readonly checks: readonly CheckResult[];
  readonly ok: boolean;
}

const convergeTimeoutMs = 60_000;
const watchersTimeoutMs = 20_000;

export async function runChaos(
  target: ChaosTarget,
  accesses: readonly StoreAccess[],
  options: ChaosOptions,
): Promise<ChaosResult> {
  const startedAt = new Date().toISOString();
  for (const access of accesses) await access.prepare();
  const startedMs = performance.now();
  const nowMs = () => performance.now() - startedMs;
  const sides = accesses.map(
    (access, index) => new Side(access, new History(startedMs), options, accesses.length, index),
  );
  const leaderLog = new LeaderLog(target, nowMs);
  const aborted = options.signal ?? new AbortController().signal;
  const nemesis = new Nemesis({
    target,
    plan: planFaults(options),
    durationMs: options.durationMs,
    nowMs,
    signal: aborted,
    leader: () => findLeader(target),
    ...(options.onFault && { onFault: options.onFault }),
  });
  for (const side of sides) await side.start();
  leaderLog.start();
  try {
    await nemesis.run();
    await rest(options.durationMs - nowMs(), aborted);
  } finally {
    for (const side of sides) await side.stopWork();
    await leaderLog.stop();
  }
  const convergence = await converge(target);
  for (const side of sides) await side.finish();
  const checks = [convergence, healed(nemesis), noUnexpectedEnds(target)];
  const apis = sides.map((side) => side.outcome(nemesis.faults));
  for (const access of accesses) await access.cleanUp();
  const { signal: _, onFault: __, ...told } = options;
  return {
    startedAt,
    durationMs: nowMs(),
    options: told,
    masters: target.masters,
    faults: nemesis.faults,
    leaders: leaderLog.stretches,
    elections: leaderLog.elections,
    apis,
    checks,
    ok: [...checks, ...apis.flatMap((api) => api.checks)].every((check) => check.ok),
  };
}

/** The clients of one API, and what they saw. */
class Side {
  readonly history: History;
  readonly #access: StoreAccess;
  readonly #workload: Workload;
  readonly #watchers: Watchers;

  constructor(access: StoreAccess, history: History, options: ChaosOptions, sides: number, index: number) {
    this.#access = access;
    this.history = history;
    this.#workload = new Workload({
      access,
      history,
      clients: Math.max(2, Math.round(options.clients / sides)),
      operationsPerSecond: options.operationsPerSecond / sides,
      seed: options.seed + index * 1_000,
    });
    this.#watchers = new Watchers(access);
  }

  async start(): Promise<void> {
    await this.#watchers.start();
    this.#workload.start();
  }

  stopWork(): Promise<void> {
    return this.#workload.stop();
  }

  async finish(): Promise<void> {
    await this.#workload.readAll();
    const revisions = this.history.operations.map((one) => one.revision ?? 0);
    await this.#watchers.stop(
      revisions.reduce((highest, revision) => Math.max(highest, revision), 0),
      watchersTimeoutMs,
    );
  }

  outcome(faults: readonly FaultRecord[]): ApiOutcome {
    const { operations, lists } = this.history;
    const checks = checkHistory({ operations, lists, watches: this.#watchers.logs });
    return { name: this.#access.name, measures: measure(operations, faults), checks, operations };
  }
}

async function findLeader(target: ChaosTarget): Promise<string | undefined> {
  const states = await Promise.all(target.masters.map(async (name) => ({ name, state: await target.state(name) })));
  const leaders = states.filter(({ state }) => state?.role === 'leader');
  return leaders.sort((a, b) => b.state!.term - a.state!.term)[0]?.name;
}

/** Everyone is at the same revision with the same state, byte for byte. */
async function converge(target: ChaosTarget): Promise<CheckResult> {
  const name = 'replicas identical';
  const startedMs = performance.now();
  for (;;) {
    const states = await Promise.all(target.masters.map((master) => target.state(master)));
    const told = states.map((state) =>
      state?.stateHash === undefined ? 'no answer' : `${state.revision} ${state.stateHash}`,
    );
    const tookMs = Math.round(performance.now() - startedMs);
    if (new Set(told).size === 1 && told[0] !== 'no answer')
      return {
        name,
        ok: true,
        detail: `${told.length} masters at revision ${states[0]!.revision}, hash ${states[0]!.stateHash}, ${tookMs} ms after the last fault`,
        findings: [],
      };
    if (tookMs > convergeTimeoutMs) {
      const findings = target.masters.map((master, index) => `${master}: ${told[index]}`);
      return { name, ok: false, detail: `different after ${convergeTimeoutMs} ms`, findings };
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

function healed({ failures, faults }: Nemesis): CheckResult {
  const ok = failures.length === 0;
  return {
    name: 'every fault healed',
    ok,
    detail: ok ? `${faults.length} faults` : `${failures.length} failures`,
    findings: failures.slice(0, 5),
  };
}

function noUnexpectedEnds(target: ChaosTarget): CheckResult {
  const findings = target.unexpectedEnds();
  const ok = findings.length === 0;
  return {
    name: 'no master ended by itself',
    ok,
    detail: ok ? `${target.masters.length} masters` : `${findings.length} did`,
    findings,
  };
}

async function rest(ms: number, signal: AbortSignal): Promise<void> {
  const deadlineMs = performance.now() + ms;
  while (performance.now() < deadlineMs && !signal.aborted) await new Promise((resolve) => setTimeout(resolve, 50));
}
