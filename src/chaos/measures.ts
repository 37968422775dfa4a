/** Figures of a run: how long clients waited, with and without faults. Pure. */
import type { FaultRecord } from './nemesis.ts';
import type { RecordedOperation } from './types.ts';

export interface Latencies {
  readonly count: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

export interface Gap {
  readonly startMs: number;
  readonly lengthMs: number;
  /** The fault that it belongs to. */
  readonly fault: string | undefined;
}

export interface Measures {
  readonly operations: { readonly done: number; readonly refused: number; readonly unknown: number };
  /** Of answered operations. A fault lasts until everything works again. */
  readonly duringFaults: Latencies;
  readonly betweenFaults: Latencies;
  /** The longest times without any acknowledged write, the longest first. */
  readonly longestGaps: readonly Gap[];
  /** For each kind of fault: the gaps between acknowledged writes that it made. */
  readonly gapsByFault: Readonly<
    Record<string, { readonly count: number; readonly medianMs: number; readonly maxMs: number }>
  >;
}

const shownGaps = 5;
/** What follows a fault this soon is its doing. */
const aftermathMs = 1_000;

export function measure(operations: readonly RecordedOperation[], faults: readonly FaultRecord[]): Measures {
  const isDuring = within(faults);
  const answered = operations.filter(({ outcome }) => outcome === 'done');
  const latency = (one: RecordedOperation) => one.endMs - one.call;
  const during = answered.filter((one) => isDuring(one.call) || isDuring(one.endMs));
  const between = answered.filter((one) => !isDuring(one.call) && !isDuring(one.endMs));
  const count = (outcome: string) => operations.filter((one) => one.outcome === outcome).length;
  const gaps = gapsOf(answered, faults);
  return {
    operations: { done: answered.length, refused: count('refused'), unknown: count('unknown') },
    duringFaults: latencies(during.map(latency)),
    betweenFaults: latencies(between.map(latency)),
    longestGaps: [...gaps].sort((a, b) => b.lengthMs - a.lengthMs).slice(0, shownGaps),
    gapsByFault: gapsByFault(gaps, faults),
  };
}

export function latencies(valuesMs: readonly number[]): Latencies {
  const sorted = [...valuesMs].sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  return { count: sorted.length, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: sorted.at(-1) ?? 0 };
}

function within(faults: readonly FaultRecord[]): (ms: number) => boolean {
  let low = 0;
  const sorted = [...faults].sort((a, b) => a.startMs - b.startMs);
  return (ms) => {
    // Times come nearly in order.
    while (low > 0 && sorted[low - 1]!.endMs >= ms) low--;
    while (low < sorted.length - 1 && sorted[low]!.endMs < ms) low++;
    const fault = sorted[low];
    return fault !== undefined && fault.startMs <= ms && ms <= fault.endMs;
  };
}

function gapsOf(answered: readonly RecordedOperation[], faults: readonly FaultRecord[]): Gap[] {
  const times = answered
    .filter((one) => one.type !== 'read' && one.output?.succeeded)
    .map(({ endMs }) => endMs)
    .sort((a, b) => a - b);
  const gaps: Gap[] = [];
  let next = 0;
  for (let i = 1; i < times.length; i++) {
    const [startMs, endMs] = [times[i - 1]!, times[i]!];
    while (next < faults.length - 1 && faults[next]!.endMs + aftermathMs < startMs) next++;
    const fault = faults[next];
    const belongs = fault && fault.startMs <= endMs && startMs <= fault.endMs + aftermathMs;
    gaps.push({ startMs, lengthMs: endMs - startMs, fault: belongs ? `${fault.kind} ${fault.detail}` : undefined });
  }
  return gaps;
}

function gapsByFault(gaps: readonly Gap[], faults: readonly FaultRecord[]): Measures['gapsByFault'] {
  const byKind = new Map<string, number[]>();
  let low = 0;
  for (const { kind, startMs, endMs } of faults) {
    while (low < gaps.length && gaps[low]!.startMs + gaps[low]!.lengthMs < startMs) low++;
    let longest = 0;
    for (let at = low; at < gaps.length && gaps[at]!.startMs <= endMs + aftermathMs; at++)
      longest = Math.max(longest, gaps[at]!.lengthMs);
    byKind.set(kind, [...(byKind.get(kind) ?? []), longest]);
  }
  return Object.fromEntries(
    [...byKind].map(([kind, lengths]) => {
      const { count, p50Ms, maxMs } = latencies(lengths);
      return [kind, { count, medianMs: p50Ms, maxMs }];
    }),
  );
}
