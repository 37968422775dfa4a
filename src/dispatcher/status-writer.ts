/**
 * Writes what one agent reports, as that node's user. All updates of a batch are issued together and share consensus rounds; the batch
 * is done when each is committed or refused for good, so that its acknowledgement is a promise. Agents repeat the statuses of all their
 * pods in every new session, so what says nothing new is not written.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Event, NodeStatus, Pod, PodStatus } from '../api/generated/types/core-v1.ts';
import { ApiError, isReason } from '../api/status.ts';
import { resources } from '../api/types.ts';
import type { ApiClient } from '../client/types.ts';
import {
  StatusUpdate_Kind as Kind,
  type StatusBatch,
  type StatusRefusal,
  type StatusUpdate,
} from '../gen/trimast/dispatcher/v1/dispatcher_pb.ts';
import type { AssignmentSource } from './assignment-source.ts';
import type { NodeStatusKeeper } from './node-status-keeper.ts';
import { isDefinite, type RetryOptions, retry } from './retry.ts';
import { mergePodStatus } from './status-merge.ts';

export type Refusal = Pick<StatusRefusal, 'index' | 'reason' | 'message'>;

export interface StatusWriterOptions extends RetryOptions {
  readonly client: ApiClient;
  readonly source: Pick<AssignmentSource, 'pod' | 'podsRevision'>;
  readonly nodeStatus: Pick<NodeStatusKeeper, 'report'>;
  readonly nodeName: string;
}

export class StatusWriter {
  readonly #options: StatusWriterOptions;
  /** A cache that is behind our own last write must not decide that a report says nothing new. */
  #writtenRevision = 0;

  constructor(options: StatusWriterOptions) {
    this.#options = options;
  }

  /** Returns the refusals. @throws what kept the last of the rest from being written, once the signal has aborted */
  async write(batch: StatusBatch): Promise<Refusal[]> {
    const results = await Promise.all(batch.updates.map((update, index) => this.#settle(update, index)));
    return results.filter((result) => result !== undefined);
  }

  async #settle(update: StatusUpdate, index: number): Promise<Refusal | undefined> {
    try {
      await this.#write(update);
      return undefined;
    } catch (error) {
      if (!isDefinite(error) && !isReason(error, 'Conflict')) throw error;
      const { reason, message } = error as ApiError;
      return { index, reason, message };
    }
  }

  #write(update: StatusUpdate): Promise<void> {
    switch (update.kind) {
      case Kind.POD_STATUS:
        return this.#podStatus(update, parse<PodStatus>(update));
      case Kind.POD_GONE:
        return this.#podGone(update);
      case Kind.NODE_STATUS:
        return this.#nodeStatus(update);
      case Kind.EVENT:
        return this.#event(parse<Event>(update));
      default:
        throw new ApiError('BadRequest', `a status update of kind ${update.kind}, which this master does not know`);
    }
  }

  async #nodeStatus(update: StatusUpdate): Promise<void> {
    await this.#options.nodeStatus.report(parse<NodeStatus>(update));
  }

  async #podStatus(update: StatusUpdate, reported: PodStatus): Promise<void> {
    const { client, source } = this.#options;
    const { namespace, name, uid } = update;
    const mismatch = await retry(this.#options, async (attempt) => {
      let current = attempt === 0 ? source.pod(namespace, name) : undefined;
      // A cache that is behind may not know the pod yet, or still know the one before of the same name.
      if (current?.metadata?.uid !== uid) current = await client.get<Pod>(resources.pods, { namespace, name });
      if (current.metadata?.uid !== uid)
        return new ApiError('Conflict', `pod "${name}" has uid ${current.metadata?.uid}, not ${uid}`);
      this.#requireOwn(current);
      const status = mergePodStatus(current.status, reported);
      if (source.podsRevision >= this.#writtenRevision && isDeepStrictEqual(status, current.status)) return undefined;
      const written = await client.update<Pod>(resources.pods, { ...current, status }, 'status');
      this.#writtenRevision = Math.max(this.#writtenRevision, Number(written.metadata?.resourceVersion ?? 0));
      return undefined;
    });
    if (mismatch) throw mismatch;
  }

  async #podGone({ namespace, name, uid }: StatusUpdate): Promise<void> {
    const { client, source } = this.#options;
    await retry(this.#options, async (attempt) => {
      let current = attempt === 0 ? source.pod(namespace, name) : undefined;
      try {
        if (current?.metadata?.uid !== uid) current = await client.get<Pod>(resources.pods, { namespace, name });
        // Another pod has the name by now: this one is gone.
        if (current.metadata?.uid !== uid) return;
        this.#requireOwn(current);
        await client.delete(resources.pods, { namespace, name }, { gracePeriodSeconds: 0, preconditions: { uid } });
      } catch (error) {
        if (!isReason(error, 'NotFound')) throw error;
      }
    });
  }

  /** Nodes may not read events, so what is there is not compared; reports of one agent come in order, and their counts only grow. */
  async #event(event: Event): Promise<void> {
    const { client } = this.#options;
    await retry(this.#options, async () => {
      try {
        await client.create<Event>(resources.events, event);
      } catch (error) {
        if (!isReason(error, 'AlreadyExists')) throw error;
        const { count = 1, lastTimestamp } = event;
        // The first time: it is there by an earlier attempt whose outcome was not known.
        if (count <= 1) return;
        const { namespace, name = '' } = event.metadata ?? {};
        await client.patch<Event>(resources.events, { namespace, name }, 'merge', { count, lastTimestamp });
      }
    });
  }

  #requireOwn(pod: Pod): void {
    const { nodeName } = this.#options;
    if (pod.spec?.nodeName === nodeName) return;
    throw new ApiError('Forbidden', `pod "${pod.metadata?.name}" is not on node "${nodeName}"`);
  }
}

function parse<T>(update: StatusUpdate): T {
  try {
    // The API stores a null as nothing: it must not look like a difference.
    const value: unknown = JSON.parse(Buffer.from(update.object).toString(), (_, item) => item ?? undefined);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as T;
  } catch (error) {
    throw new ApiError('BadRequest', `the object of a status update is no JSON: ${String(error)}`);
  }
  throw new ApiError('BadRequest', 'the object of a status update is no JSON object');
}
