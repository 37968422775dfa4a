/**
 * What is to be reported, until a master has acknowledged it: per pod only the latest status, in order of first mention. One batch is under way
 * at a time; after a reconnect it is sent again before anything newer. Pure.
 */
import type { MessageInitShape } from '@bufbuild/protobuf';
import { StatusUpdate_Kind, type StatusUpdateSchema } from '../../gen/trimast/dispatcher/v1/dispatcher_pb.ts';

export type StatusUpdateInit = MessageInitShape<typeof StatusUpdateSchema> & { readonly kind: StatusUpdate_Kind };

export interface Batch {
  readonly sequence: bigint;
  readonly updates: readonly StatusUpdateInit[];
}

export const MAX_BATCH_UPDATES = 500;
/** Events beyond this are dropped, the oldest first: they are hints, a status is not. */
export const MAX_PENDING_EVENTS = 1000;

export class Outbox {
  readonly #pending = new Map<string, StatusUpdateInit>();
  #underWay: Batch | undefined;
  #sequence = 0n;
  #events = 0;

  add(update: StatusUpdateInit): void {
    const isEvent = update.kind === StatusUpdate_Kind.EVENT;
    const key = `${update.kind}/${update.namespace}/${update.name}/${update.uid}`;
    if (isEvent && !this.#pending.has(key)) this.#events++;
    this.#pending.set(key, update);
    if (this.#events > MAX_PENDING_EVENTS) this.#dropOldestEvent();
  }

  get isEmpty(): boolean {
    return this.#pending.size === 0 && !this.#underWay;
  }

  get underWay(): Batch | undefined {
    return this.#underWay;
  }

  /** The next batch to send; undefined while one is under way or there is nothing. */
  next(): Batch | undefined {
    if (this.#underWay || this.#pending.size === 0) return undefined;
    const updates: StatusUpdateInit[] = [];
    for (const [key, update] of this.#pending) {
      if (updates.length === MAX_BATCH_UPDATES) break;
      updates.push(update);
      this.#pending.delete(key);
      if (update.kind === StatusUpdate_Kind.EVENT) this.#events--;
    }
    this.#underWay = { sequence: ++this.#sequence, updates };
    return this.#underWay;
  }

  /** Returns the batch that is done with, or undefined for an acknowledgement of something else. */
  acknowledge(sequence: bigint): Batch | undefined {
    const batch = this.#underWay;
    if (batch?.sequence !== sequence) return undefined;
    this.#underWay = undefined;
    return batch;
  }

  #dropOldestEvent(): void {
    for (const [key, update] of this.#pending) {
      if (update.kind !== StatusUpdate_Kind.EVENT) continue;
      this.#pending.delete(key);
      this.#events--;
      return;
    }
  }
}
