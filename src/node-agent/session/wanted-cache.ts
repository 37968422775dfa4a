/**
 * What masters said (the wanted set; the network) on disk, so that a restarted agent without any master keeps its pods, names and policies.
 * One JSON file, replaced atomically and readable by root only (it holds Secrets). A file that cannot be read is the same as none: the next full set brings everything.
 */
import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import type { WantedState } from './wanted-set.ts';

/** A change is written this much later, with those that come meanwhile. */
const WRITE_DELAY_MS = 200;
const FORMAT = 1;

export class WantedCache<S extends object = WantedState> {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #cancelTimer: (() => void) | undefined;
  readonly #delayMs: number;
  #state: (() => S) | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(path: string, clock: Clock, logger: Logger, delayMs = WRITE_DELAY_MS) {
    this.#delayMs = delayMs;
    this.#path = path;
    this.#clock = clock;
    this.#logger = logger;
  }

  async load(): Promise<S | undefined> {
    try {
      const file = JSON.parse(await readFile(this.#path, 'utf8')) as S & { format: number };
      return file.format === FORMAT ? file : undefined;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
        this.#logger.warn({ err: error, path: this.#path }, 'what masters said is not readable');
      return undefined;
    }
  }

  /** Writes what `state` gives, a little later; several calls become one write. */
  save(state: () => S): void {
    this.#state = state;
    this.#cancelTimer ??= this.#clock.setTimer(this.#delayMs, () => {
      this.#cancelTimer = undefined;
      void this.flush();
    });
  }

  /** Writes what is still to be written. */
  flush(): Promise<void> {
    const state = this.#state;
    this.#state = undefined;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    if (state) this.#writing = this.#writing.then(() => this.#write(state()));
    return this.#writing;
  }

  async #write(state: S): Promise<void> {
    const temporary = `${this.#path}.tmp`;
    try {
      await mkdir(dirname(this.#path), { recursive: true });
      const file = await open(temporary, 'w', 0o600);
      try {
        await file.writeFile(JSON.stringify({ format: FORMAT, ...state }));
        await file.datasync();
      } finally {
        await file.close();
      }
      await rename(temporary, this.#path);
    } catch (error) {
      // The agent works without; only a restart without masters would miss it.
      this.#logger.error({ err: error, path: this.#path }, 'what masters said is not saved');
    }
  }
}
