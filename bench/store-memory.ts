/**
 * What the store alone costs: processor time per applied put, and resident memory after many puts over few keys, with compaction as a leader does it.
 *
 *   node --expose-gc bench/store-memory.ts [puts] [keys] [value bytes]
 */
import { parseArgs } from 'node:util';
import type { Command } from '../src/store/command.ts';
import { decodeCommand, encodeCommand } from '../src/store/command-codec.ts';
import { StoreStateMachine } from '../src/store/store-state-machine.ts';

const { positionals } = parseArgs({ allowPositionals: true });
const [puts = 1_000_000, keys = 100_000, valueBytes = 1_024] = positionals.map(Number);
const packEntries = 256;
/** Puts between two compactions, and how much history each leaves. */
const compactEvery = 10_000;
const keptHistoryBytes = 64 << 20;

const machine = new StoreStateMachine();
let index = 0;
const mib = (bytes: number) => Math.round(bytes / 1024 / 1024);
const memory = () => {
  const { rss, heapUsed, external, arrayBuffers } = process.memoryUsage();
  return `rss ${mib(rss)} MiB, heap ${mib(heapUsed)}, external ${mib(external)}, array buffers ${mib(arrayBuffers)}`;
};
/** Of this process: other work on the machine does not count. Collections do. */
const cpuMs = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};
const apply = (command: Uint8Array) => machine.apply({ index: ++index, term: 1, command });

/** Entries arrive as parts of one larger message. */
function pack(from: number, count: number): Uint8Array[] {
  const commands = Array.from({ length: count }, (_, i) => {
    const value = Buffer.alloc(valueBytes, from + i);
    const key = `/registry/things/default/thing-${((from + i) * 7919) % keys}`;
    return encodeCommand({ type: 'transaction', transaction: { compare: [], success: [{ type: 'put', key, value }] } });
  });
  const whole = Buffer.concat(commands);
  let at = 0;
  return commands.map(({ length }) => {
    at += length;
    return whole.subarray(at - length, at);
  });
}

function compact(): number {
  const { state } = machine;
  const revision = state.revision - Math.ceil(keptHistoryBytes / (valueBytes + 200));
  if (revision <= state.compactedRevision) return 0;
  let worstMs = 0;
  for (let fromKey: string | undefined = ''; fromKey !== undefined; ) {
    const command: Command = { type: 'compact', revision, fromKey, maxUnits: 1_000 };
    const startMs = cpuMs();
    const result = apply(encodeCommand(command));
    worstMs = Math.max(worstMs, cpuMs() - startMs);
    fromKey = result.type === 'compact' ? result.nextKey : undefined;
  }
  machine.applied(index);
  return worstMs;
}

console.log(`start: ${memory()}`);
let applyMs = 0;
let decodeMs = 0;
let worstCompactionMs = 0;
for (let done = 0; done < puts; done += packEntries) {
  const commands = pack(done, Math.min(packEntries, puts - done));
  const startMs = cpuMs();
  for (const command of commands) decodeCommand(command);
  const decodedMs = cpuMs();
  for (const command of commands) apply(command);
  machine.applied(index);
  applyMs += cpuMs() - decodedMs;
  decodeMs += decodedMs - startMs;
  if (done % compactEvery < packEntries) worstCompactionMs = Math.max(worstCompactionMs, compact());
  if (done % 200_000 < packEntries) {
    await new Promise((resolve) => setImmediate(resolve));
    console.log(`${done} puts: ${memory()}`);
  }
}
const { state } = machine;
console.log(
  `per put: ${((applyMs / puts) * 1000).toFixed(2)} µs decoded and applied, ${((decodeMs / puts) * 1000).toFixed(2)} µs of it to decode`,
);
console.log(`longest compaction command (processor time of all threads): ${worstCompactionMs.toFixed(1)} ms`);
console.log(
  `state: ${state.keys} keys, ${state.versions} versions, live ${mib(state.liveBytes)} MiB, history ${mib(state.historyBytes)}, allocated ${mib(state.allocatedBytes)}`,
);
console.log(`end: ${memory()}`);
globalThis.gc?.();
await new Promise((resolve) => setTimeout(resolve, 200));
globalThis.gc?.();
console.log(`after a collection: ${memory()}`);
