/**
 * Writes core/v1 Events. Repeats of an event (same object, reason and message) raise its `count` instead of making another.
 * It never fails and never delays its caller: what does not fit or cannot be written is dropped and logged.
 */
import type { Event } from '../api/generated/types/core-v1.ts';
import { isReason } from '../api/status.ts';
import { resources, type TypedObject } from '../api/types.ts';
import { type Clock, systemClock } from '../lib/clock.ts';
import { EventIds } from '../lib/event-id.ts';
import type { Logger } from '../lib/logger.ts';
import type { ApiClient } from './types.ts';

/** Distinct events that are remembered for aggregation; the least recently used goes first. */
const maxRemembered = 4_096;
/** Events waiting to be written; more are dropped. */
const maxPending = 1_000;
/** `note` and `message` may be this long. */
const maxMessageLength = 1_024;

export interface EventRecorderOptions {
  readonly client: ApiClient;
  /** `source.component`, such as `replicaset-controller`. */
  readonly component: string;
  readonly logger: Logger;
  readonly clock?: Clock | undefined;
}

interface Remembered {
  name: string | undefined;
  count: number;
  writing: boolean;
  dirty: boolean;
}

export class EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #clock: Clock;
  readonly #remembered = new Map<string, Remembered>();
  #pending = 0;
  readonly #ids = new EventIds();

  constructor(options: EventRecorderOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  /** `object` needs apiVersion, kind and metadata. */
  record(object: TypedObject, type: 'Normal' | 'Warning', reason: string, message: string): void {
    const text = message.length > maxMessageLength ? `${message.slice(0, maxMessageLength - 1)}…` : message;
    const key = [
      object.kind,
      object.metadata?.namespace,
      object.metadata?.name,
      object.metadata?.uid,
      type,
      reason,
      text,
    ].join('\0');
    const entry = this.#remembered.get(key) ?? { name: undefined, count: 0, writing: false, dirty: false };
    this.#remembered.delete(key);
    this.#remembered.set(key, entry);
    if (this.#remembered.size > maxRemembered) this.#remembered.delete(this.#remembered.keys().next().value!);
    entry.count++;
    if (entry.writing) {
      entry.dirty = true;
      return;
    }
    if (this.#pending >= maxPending) {
      this.#options.logger.warn({ reason, object: object.metadata?.name }, 'too many events waiting: dropped one');
      return;
    }
    void this.#write(entry, object, type, reason, text);
  }

  async #write(entry: Remembered, object: TypedObject, type: string, reason: string, message: string): Promise<void> {
    this.#pending++;
    entry.writing = true;
    try {
      do {
        entry.dirty = false;
        await this.#writeOnce(entry, object, type, reason, message);
      } while (entry.dirty);
    } catch (error) {
      this.#options.logger.debug({ reason, object: object.metadata?.name, error: String(error) }, 'event not written');
    } finally {
      entry.writing = false;
      this.#pending--;
    }
  }

  async #writeOnce(
    entry: Remembered,
    object: TypedObject,
    type: string,
    reason: string,
    message: string,
  ): Promise<void> {
    const { client } = this.#options;
    const namespace = object.metadata?.namespace ?? 'default';
    const now = new Date(this.#clock.nowMs()).toISOString().replace(/\.\d+Z$/, 'Z');
    if (entry.name !== undefined) {
      const key = { namespace, name: entry.name };
      try {
        await client.patch<Event>(resources.events, key, 'merge', { count: entry.count, lastTimestamp: now });
        return;
      } catch (error) {
        if (!isReason(error, 'NotFound')) throw error;
        entry.count = 1;
      }
    }
    const name = `${object.metadata?.name}.${this.#ids.next(this.#clock.nowMs())}`;
    const { component } = this.#options;
    await client.create<Event>(resources.events, {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name, namespace },
      involvedObject: {
        apiVersion: object.apiVersion,
        kind: object.kind,
        namespace: object.metadata?.namespace,
        name: object.metadata?.name,
        uid: object.metadata?.uid,
        resourceVersion: object.metadata?.resourceVersion,
      },
      reason,
      message,
      type,
      count: entry.count,
      firstTimestamp: now,
      lastTimestamp: now,
      source: { component },
      reportingComponent: component,
      reportingInstance: '',
    });
    entry.name = name;
  }
}
