/**
 * The wanted set on disk, so that a restarted agent without any master keeps its pods. One JSON file, replaced atomically and readable by
 * root only (it holds Secrets). A file that cannot be read is the same as none: the next full set brings everything.
 */
import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import type { WantedState } from './wanted-set.ts';

const WRITE_DELAY_MS = 200;
const FORMAT = 1;

export class WantedCache {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #cancelTimer: (() => void) | undefined;
  #state: (() => WantedState) | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(path: string, clock: Clock, logger: Logger) {
    this.#path = path;
    this.#clock = clock;
    this.#logger = logger;
  }

  async load(): Promise<WantedState | undefined> {
    try {
      const file = JSON.parse(await readFile(this.#path, 'utf8')) as WantedState & { format: number };
      return file.format === FORMAT ? file : undefined;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
        this.#logger.warn({ err: error }, 'wanted set not readable');
      return undefined;
    }
  }

  /** Writes what `state` gives, a little later; several calls become one write. */
  save(state: () => WantedState): void {
    this.#state = state;
    this.#cancelTimer ??= this.#clock.setTimer(WRITE_DELAY_MS, () => {
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

  async #write(state: WantedState): Promise<void> {
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
      this.#logger.error({ err: error, path: this.#path }, 'wanted set not saved');
    }
  }
}
