/** What clients asked and were told, on one clock. */
import type { Input, Output } from '../lib/linearizability/index.ts';
import {
  type Listing,
  type Outcome,
  OutcomeError,
  type RecordedList,
  type RecordedOperation,
  type RegisterStore,
  type Reply,
  type Request,
} from './types.ts';

export class History {
  readonly operations: RecordedOperation[] = [];
  readonly lists: RecordedList[] = [];
  readonly #startedMs: number;

  /** `startedMs` of `performance.now()`: all histories of a run have one clock. */
  constructor(startedMs = performance.now()) {
    this.#startedMs = startedMs;
  }

  nowMs(): number {
    return performance.now() - this.#startedMs;
  }

  /** Never throws for an operation that failed: that is part of history. Undefined then. */
  async perform(store: RegisterStore, client: string, key: string, request: Request): Promise<Reply | undefined> {
    const startMs = this.nowMs();
    try {
      const reply = await store.perform(key, request);
      this.#record(store, client, key, request, startMs, 'done', reply);
      return reply;
    } catch (error) {
      if (!(error instanceof OutcomeError)) throw error;
      this.#record(store, client, key, request, startMs, error.outcome, undefined, error.message);
      return undefined;
    }
  }

  async list(store: RegisterStore): Promise<Listing | undefined> {
    const startMs = this.nowMs();
    try {
      const listing = await store.list();
      this.lists.push({ via: store.via, startMs, endMs: this.nowMs(), listing });
      return listing;
    } catch (error) {
      if (!(error instanceof OutcomeError)) throw error;
      return undefined;
    }
  }

  #record(
    store: RegisterStore,
    client: string,
    key: string,
    request: Request,
    startMs: number,
    outcome: Outcome,
    reply?: Reply,
    reason?: string,
  ): void {
    const endMs = this.nowMs();
    this.operations.push({
      client,
      call: startMs,
      return: outcome === 'unknown' ? undefined : endMs,
      input: inputOf(key, request),
      output: reply && outputOf(request, reply),
      key,
      type: request.type,
      outcome,
      via: store.via,
      endMs,
      ...('value' in request && { value: request.value }),
      ...(reply?.held && { revision: reply.held.revision }),
      ...(reason !== undefined && { reason }),
    });
  }
}

export function inputOf(key: string, request: Request): Input {
  switch (request.type) {
    case 'read':
      return { type: 'get', key };
    case 'create':
    case 'update': {
      const compare = [{ key, exists: request.type === 'update' }];
      return { type: 'transaction', compare, success: [{ type: 'put', key, value: request.value }], failure: [] };
    }
    case 'delete':
      return { type: 'transaction', compare: [{ key, exists: true }], success: [{ type: 'delete', key }], failure: [] };
    case 'compare-and-set': {
      // Every value is written once only: the value says as much as the revision.
      const compare = [{ key, value: request.expected.value }];
      return { type: 'transaction', compare, success: [{ type: 'put', key, value: request.value }], failure: [] };
    }
  }
}

function outputOf(request: Request, reply: Reply): Output {
  return request.type === 'read' ? { values: [reply.held?.value] } : { succeeded: reply.succeeded };
}
