/**
 * API priority and fairness: every request falls under a FlowSchema, which names a priority level; it runs when the level has seats for it, waits in
 * one of the level's queues otherwise, or is refused with 429. A request that finds a seat costs one look through the schemas.
 */
import { ApiError } from '../../api/status.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Store } from '../../store/types.ts';
import { FollowedKind } from '../followed-kind.ts';
import type { RequestInfo } from '../http/request-info.ts';
import type { UserInfo } from '../types.ts';
import { defaultConfig, flowSchemas, priorityLevels } from './default-config.ts';
import { limitsOf } from './limits.ts';
import { distinguisher, inOrder, matches } from './match.ts';
import { dispatched, observeLevels, rejected, waited } from './metrics.ts';
import { PriorityLevel, type Waiting } from './priority-level.ts';
import type { FlowSchema, PriorityLevelConfiguration } from './types.ts';

/** Seats of all levels together, as upstream's two limits (400 and 200) add up. */
const defaultSeats = 600;
/** A request waits at most this long: a quarter of the time that upstream gives a request. */
const maxWaitMs = 15_000;
const retrySeconds = 1;

export interface FairnessOptions {
  readonly store: Pick<Store, 'range' | 'watch'>;
  readonly clock: Clock;
  readonly seats?: number | undefined;
}

export interface Admission {
  /** Of the FlowSchema and the PriorityLevelConfiguration, for the response's headers. */
  readonly schemaUid: string;
  readonly levelUid: string;
  /** Gives the seats back. */
  release(): void;
}

interface Flow {
  readonly schema: FlowSchema;
  readonly level: PriorityLevelConfiguration;
}

const mandatory = new Set(['exempt', 'catch-all']);

export class Fairness {
  readonly #options: FairnessOptions;
  readonly #schemas: FollowedKind<FlowSchema>;
  readonly #configurations: FollowedKind<PriorityLevelConfiguration>;
  readonly #levels = new Map<string, PriorityLevel>();
  #flows: readonly Flow[] | undefined;
  #changes = 0;

  constructor(options: FairnessOptions) {
    this.#options = options;
    const changed = () => {
      this.#flows = undefined;
      this.#changes++;
    };
    this.#schemas = new FollowedKind<FlowSchema>(options.store, flowSchemas, changed);
    this.#configurations = new FollowedKind<PriorityLevelConfiguration>(options.store, priorityLevels, changed);
    observeLevels(() => this.#levels.values());
  }

  /** Goes up with every change of the objects. */
  get changes(): number {
    return this.#changes;
  }

  /** Schemas, each with whether its level is missing. */
  schemas(): { readonly schema: FlowSchema; readonly dangling: boolean }[] {
    const levels = new Set([...this.#configurations.values()].map(({ metadata }) => metadata?.name));
    return [...this.#schemas.values()].map((schema) => ({
      schema,
      dangling: !levels.has(schema.spec?.priorityLevelConfiguration.name),
    }));
  }

  /** `widthOf`: seats that the request takes; asked only where seats are limited. @throws ApiError TooManyRequests */
  async admit(user: UserInfo, info: RequestInfo, widthOf: () => number, signal: AbortSignal): Promise<Admission> {
    const { schema, level: configuration } = this.#flowOf(user, info);
    const about = { schemaUid: schema.metadata?.uid ?? '', levelUid: configuration.metadata?.uid ?? '' };
    const schemaName = schema.metadata?.name ?? '';
    const level = this.#levels.get(configuration.metadata?.name ?? '');
    if (!level) return { ...about, release: () => undefined };
    const width = widthOf();
    if (level.waitingRequests === 0 && level.fits(width, () => this.#lendable(level))) level.inUse += width;
    else await this.#wait(level, schemaName, `${schemaName}|${distinguisher(schema, user, info)}`, width, signal);
    dispatched.with(level.name, schemaName).add();
    let held = true;
    return {
      ...about,
      release: () => {
        if (!held) return;
        held = false;
        level.inUse -= width;
        this.#dispatch(level);
      },
    };
  }

  #wait(level: PriorityLevel, schema: string, flow: string, width: number, signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    const startedMs = clock.monotonicMs();
    return new Promise((resolve, reject) => {
      const refuse = (reason: string) => {
        rejected.with(level.name, schema, reason).add();
        const message = 'too many requests, please try again later';
        reject(new ApiError('TooManyRequests', message, { retryAfterSeconds: retrySeconds }));
      };
      const settle = () => {
        cancel();
        signal.removeEventListener('abort', leave);
        waited.with(level.name, schema).observe((clock.monotonicMs() - startedMs) / 1000);
      };
      const waiting: Waiting = {
        width,
        start: () => {
          settle();
          resolve();
        },
      };
      const giveUp = (reason: string) => {
        settle();
        level.drop(waiting);
        refuse(reason);
      };
      const leave = () => giveUp('cancelled');
      const cancel = clock.setTimer(maxWaitMs, () => giveUp('time-out'));
      if (!level.enqueue(flow, waiting)) {
        cancel();
        refuse(level.limits.queuing ? 'queue-full' : 'concurrency-limit');
        return;
      }
      signal.addEventListener('abort', leave, { once: true });
      level.dispatch(() => this.#lendable(level));
    });
  }

  /** Own requests first; then those that may use seats which are free now. */
  #dispatch(level: PriorityLevel): void {
    if (level.waitingRequests > 0) level.dispatch(() => this.#lendable(level));
    for (const other of this.#levels.values()) {
      if (other !== level && other.waitingRequests > 0) other.dispatch(() => this.#lendable(other));
    }
  }

  /** Seats of others that are free, without those that are lent already. */
  #lendable(borrower: PriorityLevel): number {
    let seats = 0;
    for (const level of this.#levels.values()) {
      if (level !== borrower) seats += level.idleLendable - level.borrowed;
    }
    return Math.max(0, seats - borrower.borrowed);
  }

  #flowOf(user: UserInfo, info: RequestInfo): Flow {
    this.#flows ??= this.#configure();
    for (const flow of this.#flows) if (matches(flow.schema, user, info)) return flow;
    return this.#flows.at(-1)!;
  }

  #configure(): readonly Flow[] {
    const schemas = new Map<string, FlowSchema>();
    const configurations = new Map<string, PriorityLevelConfiguration>();
    // The two that must always be, also before the objects are there.
    for (const object of defaultConfig()) {
      const { name } = object.metadata;
      if (!mandatory.has(name)) continue;
      if (object.kind === 'FlowSchema') schemas.set(name, object as FlowSchema);
      else configurations.set(name, object as PriorityLevelConfiguration);
    }
    for (const one of this.#schemas.values()) schemas.set(one.metadata!.name!, one);
    for (const one of this.#configurations.values()) configurations.set(one.metadata!.name!, one);
    this.#applyLimits([...configurations.values()]);
    const flows = inOrder(schemas.values()).flatMap((schema) => {
      const level = configurations.get(schema.spec?.priorityLevelConfiguration.name ?? '');
      return level ? [{ schema, level }] : [];
    });
    return flows;
  }

  #applyLimits(configurations: readonly PriorityLevelConfiguration[]): void {
    const limits = limitsOf(configurations, this.#options.seats ?? defaultSeats);
    for (const [name, its] of limits) {
      const level = this.#levels.get(name);
      if (level) level.limits = its;
      else this.#levels.set(name, new PriorityLevel(name, its));
    }
    // Requests of a level that is gone still end in it; no new ones come.
    for (const name of this.#levels.keys()) if (!limits.has(name)) this.#levels.delete(name);
  }
}
