/**
 * While a run lasts, timers and clocks of this JavaScript thread are those of the lane whose turn it is, so that production code
 * runs as it is. A run is one synchronous call: nothing else can get in between, and everything is put back at its end.
 */
import { setFlagsFromString } from 'node:v8';
import { assert } from '../../src/lib/assert.ts';
import { currentLane, type Lane } from './lane.ts';

interface SimulatedTimer {
  cleared: boolean;
  repeatMs: number | undefined;
  ref(): SimulatedTimer;
  unref(): SimulatedTimer;
  hasRef(): boolean;
  [Symbol.dispose](): void;
}

function lane(): Lane {
  const found = currentLane();
  assert(found, 'a timer or clock was used outside of a simulated process');
  return found;
}

function startTimer(callback: (...args: unknown[]) => void, delayMs: number, repeat: boolean, args: unknown[]) {
  const home = lane();
  const timer: SimulatedTimer = {
    cleared: false,
    repeatMs: repeat ? Math.max(1, delayMs) : undefined,
    ref: () => timer,
    unref: () => timer,
    hasRef: () => true,
    [Symbol.dispose]: () => {
      timer.cleared = true;
    },
  };
  const fire = (): void => {
    if (timer.cleared) return;
    // The next one first, so that the callback may clear it.
    if (timer.repeatMs !== undefined) home.after(timer.repeatMs, fire);
    callback(...args);
  };
  // As in Node.js, none is shorter than a millisecond.
  home.after(Math.max(1, delayMs), fire);
  return timer;
}

const clear = (timer: { cleared: boolean } | undefined): void => {
  if (timer) timer.cleared = true;
};

const simulated = {
  setTimeout: (callback: () => void, delayMs = 0, ...args: unknown[]) => startTimer(callback, delayMs, false, args),
  setInterval: (callback: () => void, delayMs = 0, ...args: unknown[]) => startTimer(callback, delayMs, true, args),
  setImmediate: (callback: (...args: unknown[]) => void, ...args: unknown[]) => {
    const immediate = { cleared: false };
    lane().soon(() => {
      if (!immediate.cleared) callback(...args);
    });
    return immediate;
  },
  clearTimeout: clear,
  clearInterval: clear,
  clearImmediate: clear,
};

const simulatedPerformance = { now: () => lane().monotonicMs(), timeOrigin: 0 };

/** Runs what promises have made ready, until nothing is. Node.js has no public call for it within one turn. */
export const drainMicrotasks: () => void = (() => {
  setFlagsFromString('--allow-natives-syntax');
  return new Function('%PerformMicrotaskCheckpoint()') as () => void;
})();

/** Must be called from a plain turn of the event loop, not from a promise's callback: only there can promises be drained. */
export function withSimulatedGlobals<T>(withStacks: boolean, run: () => T): T {
  const scope = globalThis as unknown as Record<string, unknown>;
  const names = Object.keys(simulated);
  const kept = names.map((name) => scope[name]);
  const keptPerformance = Object.getOwnPropertyDescriptor(globalThis, 'performance')!;
  const keptNow = Date.now;
  const keptRandom = Math.random;
  const keptStacks = Error.stackTraceLimit;
  // Errors are part of the work here, and their stacks would be a good part of its cost.
  Error.stackTraceLimit = withStacks ? keptStacks : 0;
  for (const [name, value] of Object.entries(simulated)) scope[name] = value;
  Object.defineProperty(globalThis, 'performance', { value: simulatedPerformance, configurable: true, writable: true });
  Date.now = () => Math.floor(lane().wallMs());
  Math.random = () => {
    throw new Error('randomness that no seed decides');
  };
  try {
    return run();
  } finally {
    for (const [position, name] of names.entries()) scope[name] = kept[position];
    Object.defineProperty(globalThis, 'performance', keptPerformance);
    Date.now = keptNow;
    Math.random = keptRandom;
    Error.stackTraceLimit = keptStacks;
  }
}
