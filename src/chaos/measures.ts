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
    longestGaps: [...gaps]
      .sort((a, b) => b.lengthMs - a.lengthMs)
      .slice(0, shownGaps)
      .map(({ owner: _, ...gap }) => gap),
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

interface OwnedGap extends Gap {
  readonly owner: FaultRecord | undefined;
}

/** A gap belongs to the last fault that began before the gap ended, if that one's doing reaches so far. */
function gapsOf(answered: readonly RecordedOperation[], faults: readonly FaultRecord[]): OwnedGap[] {
  const times = answered
    .filter((one) => one.type !== 'read' && one.output?.succeeded)
    .map(({ endMs }) => endMs)
    .sort((a, b) => a - b);
  const sorted = [...faults].sort((a, b) => a.startMs - b.startMs);
  const gaps: OwnedGap[] = [];
  let next = 0;
  for (let i = 1; i < times.length; i++) {
    const [startMs, endMs] = [times[i - 1]!, times[i]!];
    while (next < sorted.length && sorted[next]!.startMs <= endMs) next++;
    const last = sorted[next - 1];
    const owner = last && startMs <= last.endMs + aftermathMs ? last : undefined;
    gaps.push({ startMs, lengthMs: endMs - startMs, fault: owner && `${owner.kind} ${owner.detail}`, owner });
  }
  return gaps;
}

function gapsByFault(gaps: readonly OwnedGap[], faults: readonly FaultRecord[]): Measures['gapsByFault'] {
  const longest = new Map(faults.map((fault) => [fault, 0]));
  for (const { owner, lengthMs } of gaps) if (owner) longest.set(owner, Math.max(longest.get(owner)!, lengthMs));
  const byKind = new Map<string, number[]>();
  for (const [{ kind }, lengthMs] of longest) byKind.set(kind, [...(byKind.get(kind) ?? []), lengthMs]);
  return Object.fromEntries(
    [...byKind].map(([kind, lengths]) => {
      const { count, p50Ms, maxMs } = latencies(lengths);
      return [kind, { count, medianMs: p50Ms, maxMs }];
    }),
  );
}
