/** Liveness: one stream to every master, a small message each interval. A master that does not answer is tried again and again. */
import { DispatcherService } from '../../gen/trimast/dispatcher/v1/dispatcher_pb.ts';
import type { Clock } from '../../lib/clock.ts';
import type { DispatcherClient } from './master-channel.ts';
import type { Masters } from './masters.ts';

export const DEFAULT_HEARTBEAT_INTERVAL_MS = 1_000;

type HeartbeatStream = ReturnType<typeof openStream>;

function openStream(client: DispatcherClient) {
  return client.bidiStream(DispatcherService.method.heartbeat);
}

export class Heartbeats {
  readonly #masters: Masters;
  readonly #clock: Clock;
  readonly #incarnation: string;
  readonly #streams = new Map<string, HeartbeatStream>();
  /** Masters to which a connection is being made. */
  readonly #connecting = new Set<string>();
  #stopped = false;
  #intervalMs = DEFAULT_HEARTBEAT_INTERVAL_MS;
  #cancelTimer: (() => void) | undefined;

  constructor(masters: Masters, incarnation: string, clock: Clock) {
    this.#masters = masters;
    this.#incarnation = incarnation;
    this.#clock = clock;
  }

  start(): void {
    this.#beat();
  }

  /** As a master's Welcome says; 0 keeps the default. */
  setInterval(intervalMs: number): void {
    this.#intervalMs = intervalMs > 0 ? intervalMs : DEFAULT_HEARTBEAT_INTERVAL_MS;
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    for (const stream of this.#streams.values()) stream.cancel();
    this.#streams.clear();
  }

  #beat(): void {
    for (const address of this.#masters.addresses) {
      const stream = this.#streams.get(address);
      if (!stream) this.#connect(address);
      // A master that takes nothing in is not fed more: its buffer would only grow.
      else if (!stream.writableNeedDrain) stream.write({ incarnation: this.#incarnation });
    }
    this.#cancelTimer = this.#clock.setTimer(this.#intervalMs, () => this.#beat());
  }

  /** What fails is tried again with the next beat. */
  #connect(address: string): void {
    if (this.#connecting.has(address)) return;
    this.#connecting.add(address);
    const settle = (client?: DispatcherClient) => {
      this.#connecting.delete(address);
      if (client && !this.#stopped) this.#open(address, client);
    };
    this.#masters.connect(address).then(settle, () => settle());
  }

  /** A stream that ends is opened again with the next beat. */
  #open(address: string, client: DispatcherClient): void {
    const stream = openStream(client);
    const forget = () => {
      if (this.#streams.get(address) === stream) this.#streams.delete(address);
    };
    stream.on('error', forget);
    stream.on('end', forget);
    stream.resume();
    this.#streams.set(address, stream);
    stream.write({ incarnation: this.#incarnation });
  }
}
