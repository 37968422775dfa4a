/** Liveness: one stream to every master, a small message each interval. A master that does not answer is tried again and again. */
import { DispatcherService } from '../../gen/trimast/dispatcher/v1/dispatcher_pb.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Masters } from './masters.ts';

export const DEFAULT_HEARTBEAT_INTERVAL_MS = 1_000;

type HeartbeatStream = ReturnType<typeof openStream>;

function openStream(masters: Masters, address: string) {
  return masters.client(address).bidiStream(DispatcherService.method.heartbeat);
}

export class Heartbeats {
  readonly #masters: Masters;
  readonly #clock: Clock;
  readonly #incarnation: string;
  readonly #streams = new Map<string, HeartbeatStream>();
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
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    for (const stream of this.#streams.values()) stream.cancel();
    this.#streams.clear();
  }

  #beat(): void {
    for (const address of this.#masters.addresses) {
      const stream = this.#streams.get(address) ?? this.#open(address);
      // A master that takes nothing in is not fed more: its buffer would only grow.
      if (!stream.writableNeedDrain) stream.write({ incarnation: this.#incarnation });
    }
    this.#cancelTimer = this.#clock.setTimer(this.#intervalMs, () => this.#beat());
  }

  /** A stream that ends is opened again with the next beat. */
  #open(address: string): HeartbeatStream {
    const stream = openStream(this.#masters, address);
    const forget = () => {
      if (this.#streams.get(address) === stream) this.#streams.delete(address);
    };
    stream.on('error', forget);
    stream.on('end', forget);
    stream.resume();
    this.#streams.set(address, stream);
    return stream;
  }
}
