/**
 * Sends one session what its node has to know. What changed is kept by name, not by content: a thing that changes ten times while the
 * stream is busy is sent once, as it is then, and memory stays bounded however slow the agent is.
 */
import { status } from '@grpc/grpc-js';
import { Assignment_Action as Action, type Assignment } from '../gen/trimast/dispatcher/v1/dispatcher_pb.ts';
import type { AssignmentSource } from './assignment-source.ts';
import { DispatchError } from './dispatch-error.ts';
import { type Item, parseItem } from './items.ts';
import { maxChunkBytes, maxChunkChanges, maxPendingItems } from './limits.ts';

type Change = Pick<Assignment, 'action' | 'resource' | 'namespace' | 'name'> & { object?: Uint8Array };

export interface AssignmentSenderOptions {
  readonly nodeName: string;
  readonly source: Pick<AssignmentSource, 'revision' | 'resolve' | 'ready'>;
  readonly signal: AbortSignal;
  /** Resolves when the stream can take more. Rejects when it has taken nothing for too long. */
  send(changes: Change[], revision: number): Promise<void>;
  /** The session cannot go on. */
  fail(error: unknown): void;
}

export class AssignmentSender {
  readonly #options: AssignmentSenderOptions;
  #pending = new Set<Item>();
  #sending = true;
  #toldRevision = 0;

  constructor(options: AssignmentSenderOptions) {
    this.#options = options;
  }

  /** The item has to be told. Nothing is sent before {@link begin}. */
  touch(item: Item): void {
    this.#pending.add(item);
    if (this.#pending.size > maxPendingItems)
      this.#options.fail(
        new DispatchError(status.RESOURCE_EXHAUSTED, `the agent does not keep up: ${this.#pending.size} changes wait`),
      );
    else this.#wake();
  }

  /** Sends `items`, then what was touched meanwhile, and from then on whatever is. */
  begin(items: readonly Item[]): void {
    void this.#run(items);
  }

  /** Tells how far the agent is up to date, if that has changed and nothing else is on its way. */
  progress(): void {
    if (!this.#sending && this.#options.source.revision > this.#toldRevision) void this.#run([]);
  }

  #wake(): void {
    if (this.#sending) return;
    this.#sending = true;
    // The rest of a batch is touched in this turn of the event loop.
    setImmediate(() => void this.#run());
  }

  /** Sends `items`, even if there are none, and then what is pending. Never rejects. */
  async #run(items?: readonly Item[]): Promise<void> {
    this.#sending = true;
    const { signal, fail } = this.#options;
    try {
      if (items) await this.#sendAll(items);
      while (this.#pending.size > 0 && !signal.aborted) {
        const pending = this.#pending;
        this.#pending = new Set();
        await this.#sendAll([...pending]);
      }
    } catch (error) {
      fail(error);
    }
    this.#sending = false;
  }

  async #sendAll(items: readonly Item[]): Promise<void> {
    const { source, nodeName, signal, send } = this.#options;
    await source.ready(signal);
    // Before the items are resolved: whatever changes while they are on their way is touched again.
    const { revision } = source;
    let changes: Change[] = [];
    let bytes = 0;
    for (const item of items) {
      if (signal.aborted) return;
      const object = source.resolve(nodeName, item);
      const size = object?.length ?? 0;
      if (changes.length === maxChunkChanges || (changes.length > 0 && bytes + size > maxChunkBytes)) {
        await send(changes, 0);
        changes = [];
        bytes = 0;
      }
      changes.push({ ...parseItem(item), ...(object ? { action: Action.SET, object } : { action: Action.REMOVE }) });
      bytes += size;
    }
    if (signal.aborted) return;
    this.#toldRevision = revision;
    await send(changes, revision);
  }
}
