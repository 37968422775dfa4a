/**
 * Keeps the kernel's tables as they are wanted: takes whole tables as values, sends what differs as one transaction per table, and puts back
 * what somebody else changed. One per network namespace; whoever owns a table calls {@link Nftables.set} with all of it.
 *
 * The rules stay when the program ends. The next one takes over what it finds, without a moment in which a rule is missing.
 */
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import { changes, isComplete, replace } from './changes.ts';
import { ForeignChanges } from './foreign-changes.ts';
import { type NftCommand, ownProgramName } from './nft-command.ts';
import { parsePresent } from './present.ts';
import { deleteTable } from './script.ts';
import type { Family, Table } from './types.ts';

const firstRetryMs = 500;
const lastRetryMs = 30_000;
/** Between two repairs of one table, so that two programs that fight over it do no harm to the rest. */
const repairPauseMs = 500;
const monitorPauseMs = 1_000;
/** Whatever the monitor may have missed is found by looking. */
const checkIntervalMs = 60_000;

export interface NftablesOptions {
  readonly command: NftCommand;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Somebody else changed the table, it has been put right. */
  onRepaired?(table: string): void;
}

interface Kept {
  wanted: Table;
  /** What the kernel has; undefined: not known. */
  applied: Table | undefined;
  dirty: boolean;
  /** How often somebody else has changed it. */
  disturbances: number;
  repairing: boolean;
  notBeforeMs: number;
  retryMs: number;
  waiting: (() => void)[];
}

export class Nftables {
  readonly #options: NftablesOptions;
  readonly #tables = new Map<string, Kept>();
  readonly #stops: (() => void)[] = [];
  #cancelRun: (() => void) | undefined;
  #running = false;
  #stopped = false;

  constructor(options: NftablesOptions) {
    this.#options = options;
  }

  /** Begins to look for others' changes. */
  start(): void {
    this.#monitor();
    this.#checkLater();
  }

  /** Resolves once the kernel has this state or a later one. What cannot be applied is logged and tried again. */
  set(table: Table): Promise<void> {
    const key = `${table.family} ${table.name}`;
    const kept = this.#tables.get(key) ?? fresh(table);
    this.#tables.set(key, kept);
    kept.wanted = table;
    kept.dirty = true;
    const done = new Promise<void>((resolve) => kept.waiting.push(resolve));
    this.#runIn(0);
    return done;
  }

  /** Deletes the table, whoever made it. */
  async remove(family: Family, name: string): Promise<void> {
    this.#tables.delete(`${family} ${name}`);
    await this.#options.command.apply(`${deleteTable({ family, name }).join('\n')}\n`);
  }

  /** Whether the kernel has a table of this name, whoever made it. */
  async isPresent(family: Family, name: string): Promise<boolean> {
    return (await this.#options.command.list(family, name)) !== undefined;
  }

  /** What the kernel was last given under this name. */
  applied(family: Family, name: string): Table | undefined {
    return this.#tables.get(`${family} ${name}`)?.applied;
  }

  /** Rules stay as they are. */
  stop(): void {
    this.#stopped = true;
    this.#cancelRun?.();
    for (const stop of this.#stops) stop();
  }

  #runIn(delayMs: number): void {
    if (this.#stopped || this.#running) return;
    this.#cancelRun?.();
    if (delayMs > 0) this.#cancelRun = this.#options.clock.setTimer(delayMs, () => void this.#run());
    else queueMicrotask(() => void this.#run());
  }

  async #run(): Promise<void> {
    if (this.#running || this.#stopped) return;
    this.#running = true;
    const { clock } = this.#options;
    const due = (): Kept | undefined =>
      [...this.#tables.values()].find(({ dirty, notBeforeMs }) => dirty && notBeforeMs <= clock.monotonicMs());
    for (let next = due(); next && !this.#stopped; next = due()) await this.#apply(next);
    this.#running = false;
    const waits = [...this.#tables.values()].filter(({ dirty }) => dirty).map(({ notBeforeMs }) => notBeforeMs);
    if (waits.length > 0) this.#runIn(Math.max(1, Math.min(...waits) - clock.monotonicMs()));
  }

  async #apply(kept: Kept): Promise<void> {
    const { command, clock, logger } = this.#options;
    const { wanted, applied, waiting, disturbances, repairing } = kept;
    const name = `${wanted.family} ${wanted.name}`;
    kept.dirty = false;
    kept.waiting = [];
    const beganMs = clock.monotonicMs();
    try {
      const lines = applied ? changes(applied, wanted) : replace(wanted, await this.#present(wanted));
      if (lines.length > 0) await command.apply(`${lines.join('\n')}\n`);
      if (kept.disturbances === disturbances) kept.applied = wanted;
      kept.retryMs = 0;
      logger.debug({ table: name, commands: lines.length, ms: clock.monotonicMs() - beganMs }, 'rules applied');
      if (repairing) {
        kept.repairing = kept.disturbances !== disturbances;
        kept.notBeforeMs = clock.monotonicMs() + repairPauseMs;
        logger.warn({ table: name }, 'rules were changed by somebody else and have been put right');
        this.#options.onRepaired?.(name);
      }
      for (const resolve of waiting) resolve();
    } catch (error) {
      // Most likely something that we build on is not there any more; then making all of it anew helps at once.
      const again = applied !== undefined;
      kept.applied = undefined;
      kept.dirty = true;
      kept.waiting = [...waiting, ...kept.waiting];
      kept.retryMs = again ? 0 : Math.min(lastRetryMs, Math.max(firstRetryMs, kept.retryMs * 2));
      kept.notBeforeMs = clock.monotonicMs() + kept.retryMs;
      logger[again ? 'warn' : 'error']({ table: name, err: error, retryMs: kept.retryMs }, 'rules not applied');
    }
  }

  async #present({ family, name }: Table) {
    const json = await this.#options.command.list(family, name);
    return json === undefined ? undefined : parsePresent(json);
  }

  #monitor(): void {
    const { command, logger } = this.#options;
    const foreign = new ForeignChanges(ownProgramName);
    const stop = command.monitor(
      (line) => {
        const finding = foreign.line(line);
        if (finding?.kind === 'changed') for (const table of finding.tables) this.#disturbed(table);
        else if (finding) void this.#check();
      },
      (reason) => {
        logger.warn({ reason }, 'the watch for changes of the rules ended and begins anew');
        this.#stops.splice(this.#stops.indexOf(stop), 1);
        this.#later(monitorPauseMs, () => {
          this.#monitor();
          void this.#check();
        });
      },
    );
    this.#stops.push(stop);
  }

  #disturbed(key: string): void {
    const kept = this.#tables.get(key);
    if (!kept) return;
    kept.disturbances++;
    kept.applied = undefined;
    kept.dirty = true;
    kept.repairing = true;
    this.#runIn(0);
  }

  #checkLater(): void {
    this.#later(checkIntervalMs, () => void this.#check().then(() => this.#checkLater()));
  }

  async #check(): Promise<void> {
    for (const [key, kept] of this.#tables) {
      const { applied } = kept;
      if (!applied || kept.dirty) continue;
      try {
        const present = await this.#present(applied);
        // It may have been changed by us while it was listed: then the next look tells.
        if (kept.applied === applied && !(present && isComplete(applied, present))) this.#disturbed(key);
      } catch (error) {
        this.#options.logger.warn({ table: key, err: error }, 'rules cannot be checked');
      }
    }
  }

  #later(delayMs: number, callback: () => void): void {
    if (this.#stopped) return;
    const cancel = this.#options.clock.setTimer(delayMs, () => {
      this.#stops.splice(this.#stops.indexOf(cancel), 1);
      if (!this.#stopped) callback();
    });
    this.#stops.push(cancel);
  }
}

function fresh(wanted: Table): Kept {
  return {
    wanted,
    applied: undefined,
    dirty: true,
    disturbances: 0,
    repairing: false,
    notBeforeMs: 0,
    retryMs: 0,
    waiting: [],
  };
}
