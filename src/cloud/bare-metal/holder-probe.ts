/**
 * Asks nodes that hold addresses whether they are there, by opening a connection to their agents. Only holders are asked: they are few, and for
 * them the ten seconds after which a node counts as not ready are too long.
 */
import { connect } from 'node:net';
import type { Clock } from '../../lib/clock.ts';

const intervalMs = 500;
const timeoutMs = 450;
/** Answers missed in a row. */
const maxMissed = 2;

export interface ProbedNode {
  readonly name: string;
  readonly host: string;
  readonly port: number;
}

export interface HolderProbeOptions {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Who holds addresses now. */
  holders(): readonly ProbedNode[];
  /** Somebody fell silent or is back. */
  onChange(): void;
  /** Tests. */
  readonly isThere?: (node: ProbedNode) => Promise<boolean>;
}

export class HolderProbe {
  readonly #options: HolderProbeOptions;
  readonly #missed = new Map<string, number>();
  readonly #silent = new Set<string>();

  constructor(options: HolderProbeOptions) {
    this.#options = options;
  }

  get silent(): ReadonlySet<string> {
    return this.#silent;
  }

  start(): void {
    const { clock, signal } = this.#options;
    let cancel: (() => void) | undefined;
    const round = (): void => {
      cancel = clock.setTimer(intervalMs, round);
      void this.probe();
    };
    round();
    signal.addEventListener('abort', () => cancel?.(), { once: true });
  }

  /** One round: holders, and those that were silent, for they may come back. */
  async probe(): Promise<void> {
    const { holders, isThere = connects, onChange } = this.#options;
    const asked = holders();
    for (const name of this.#silent) if (!asked.some((node) => node.name === name)) this.#silent.delete(name);
    const answers = await Promise.all(asked.map(async (node) => ({ name: node.name, there: await isThere(node) })));
    let changed = false;
    for (const { name, there } of answers) {
      const missed = there ? 0 : (this.#missed.get(name) ?? 0) + 1;
      if (missed === 0) this.#missed.delete(name);
      else this.#missed.set(name, missed);
      const isSilent = missed >= maxMissed;
      if (isSilent === this.#silent.has(name)) continue;
      changed = true;
      if (isSilent) this.#silent.add(name);
      else this.#silent.delete(name);
    }
    if (changed && !this.#options.signal.aborted) onChange();
  }
}

function connects({ host, port }: ProbedNode): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: timeoutMs });
    const end = (there: boolean) => () => {
      socket.destroy();
      resolve(there);
    };
    socket.once('connect', end(true)).once('timeout', end(false)).once('error', end(false));
  });
}
