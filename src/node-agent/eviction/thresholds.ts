/** When a node is short of something: signals, thresholds and conditions, as kubelet's `evictionHard` has them. Pure. */
import { parseQuantity, unitValue } from '../../api/meta/quantity.ts';

export type SignalName =
  | 'memory.available'
  | 'nodefs.available'
  | 'nodefs.inodesFree'
  | 'imagefs.available'
  | 'imagefs.inodesFree'
  | 'pid.available';

export interface Signal {
  readonly name: SignalName;
  readonly available: number;
  readonly capacity: number;
}

/** What is scarce, as pods use it. */
export type Scarce = 'memory' | 'ephemeral-storage' | 'inodes' | 'pids';

export interface Shortage {
  readonly signal: SignalName;
  readonly scarce: Scarce;
  readonly available: number;
  readonly threshold: number;
}

export interface Pressure {
  readonly memoryPressure: boolean;
  readonly diskPressure: boolean;
  readonly pidPressure: boolean;
}

export const NO_PRESSURE: Pressure = { memoryPressure: false, diskPressure: false, pidPressure: false };

/** Kubelet's defaults; `pid.available` is ours, as a node without process ids cannot even stop a pod. */
export const DEFAULT_THRESHOLDS: Readonly<Partial<Record<SignalName, string>>> = {
  'memory.available': '100Mi',
  'nodefs.available': '10%',
  'nodefs.inodesFree': '5%',
  'imagefs.available': '15%',
  'pid.available': '10%',
};

const SCARCE: Readonly<Record<SignalName, Scarce>> = {
  'memory.available': 'memory',
  'nodefs.available': 'ephemeral-storage',
  'nodefs.inodesFree': 'inodes',
  'imagefs.available': 'ephemeral-storage',
  'imagefs.inodesFree': 'inodes',
  'pid.available': 'pids',
};

/** Memory first: it is gone soonest. `thresholds`: quantities or percentages of the capacity. */
export function shortages(
  signals: readonly Signal[],
  thresholds: Readonly<Partial<Record<SignalName, string>>>,
): Shortage[] {
  const found = signals.flatMap(({ name, available, capacity }): Shortage[] => {
    const text = thresholds[name];
    if (text === undefined || capacity <= 0) return [];
    const threshold = text.endsWith('%')
      ? (capacity * Number(text.slice(0, -1))) / 100
      : unitValue(parseQuantity(text));
    return available < threshold ? [{ signal: name, scarce: SCARCE[name], available, threshold }] : [];
  });
  return found.sort((a, b) => Number(b.scarce === 'memory') - Number(a.scarce === 'memory'));
}

/** A condition stays for this long after what caused it is over: nodes that swing between the two help nobody. */
export const CONDITION_HOLD_MS = 300_000;

/** When each condition was last caused. */
export type LastCaused = Readonly<Record<keyof Pressure, number | undefined>>;

export const NEVER_CAUSED: LastCaused = { memoryPressure: undefined, diskPressure: undefined, pidPressure: undefined };

export function lastCaused(before: LastCaused, short: readonly Shortage[], nowMs: number): LastCaused {
  const now = (...scarce: Scarce[]) => short.some((one) => scarce.includes(one.scarce));
  return {
    memoryPressure: now('memory') ? nowMs : before.memoryPressure,
    diskPressure: now('ephemeral-storage', 'inodes') ? nowMs : before.diskPressure,
    pidPressure: now('pids') ? nowMs : before.pidPressure,
  };
}

export function pressureAt(caused: LastCaused, nowMs: number): Pressure {
  const holds = (atMs: number | undefined) => atMs !== undefined && nowMs - atMs < CONDITION_HOLD_MS;
  return {
    memoryPressure: holds(caused.memoryPressure),
    diskPressure: holds(caused.diskPressure),
    pidPressure: holds(caused.pidPressure),
  };
}
