/**
 * The border between the two threads of a process: messages arrive in order, each after a delay, and in the lane of the other side.
 * `forApi` is what the API thread takes for its Worker.
 */
import type { Worker } from 'node:worker_threads';
import type { FromWorker, ToWorker } from '../../src/raft/thread-messages.ts';
import type { Lane } from '../runtime/lane.ts';

export class Port {
  readonly #raft: Lane;
  readonly #api: Lane;
  readonly #delayMs: () => number;
  #toApiMs = 0;
  #toRaftMs = 0;
  #onApiMessage: (message: FromWorker) => void = () => undefined;
  #onApiError: (error: Error) => void = () => undefined;
  onRaftMessage: (message: ToWorker) => void = () => undefined;

  constructor(raft: Lane, api: Lane, delayMs: () => number) {
    this.#raft = raft;
    this.#api = api;
    this.#delayMs = delayMs;
  }

  post(message: FromWorker): void {
    const nowMs = this.#raft.realMs();
    this.#toApiMs = Math.max(nowMs + this.#delayMs(), this.#toApiMs);
    this.#api.at(this.#toApiMs - nowMs, () => this.#onApiMessage(message));
  }

  failed(error: Error): void {
    this.#api.at(0, () => this.#onApiError(error));
  }

  get forApi(): Worker {
    const listen = (event: string, listener: (value: never) => void) => {
      if (event === 'message') this.#onApiMessage = listener as (message: FromWorker) => void;
      else if (event === 'error') this.#onApiError = listener as (error: Error) => void;
    };
    const postMessage = (message: ToWorker) => {
      const nowMs = this.#api.realMs();
      this.#toRaftMs = Math.max(nowMs + this.#delayMs(), this.#toRaftMs);
      this.#raft.at(this.#toRaftMs - nowMs, () => this.onRaftMessage(message));
    };
    return {
      on: listen,
      once: listen,
      off: () => undefined,
      postMessage,
      terminate: async () => 0,
    } as unknown as Worker;
  }
}
