/** The standard streams of a process that runs in a container, as a remote client holds their other ends. */
import type { Readable, Writable } from 'node:stream';
import type { Status } from '../../api/status.ts';

export interface TerminalSize {
  readonly width: number;
  readonly height: number;
}

/**
 * What a wire protocol (WebSocket, SPDY) gives to exec and attach. The streams keep back-pressure in both directions; each is absent when
 * the client did not ask for it.
 */
export interface ProcessStreams {
  /** Ends when the client has closed its standard input. */
  readonly stdin: Readable | undefined;
  readonly stdout: Writable | undefined;
  readonly stderr: Writable | undefined;
  /** Called with every later size of the client's terminal, and with the last one known. */
  onResize(listener: (size: TerminalSize) => void): void;
  /** Aborts when the client is gone. */
  readonly signal: AbortSignal;
  /** Tells the outcome, flushes, and closes. To be called once; nothing may be written afterwards. */
  finish(outcome: Status): Promise<void>;
}

/** What the client asked for in the query. */
export interface StreamSelection {
  readonly stdin: boolean;
  readonly stdout: boolean;
  /** Never with `tty`: a terminal has one output. */
  readonly stderr: boolean;
  readonly tty: boolean;
}

/** How much of one stream is kept for a reader that does not keep up, before its source is paused. */
export const streamBufferBytes = 64 * 1024;

/**
 * A connection that is not read, since the process does not read its input, shows no end. Pings make the system notice that nobody is
 * there, so that a client's death is known after at most a few of these.
 */
export const pingIntervalMs = 15_000;

/** Reads a resize message (`{"Width":80,"Height":24}`); undefined when it is none. */
export function parseTerminalSize(text: string): TerminalSize | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { Width: width, Height: height } = (value ?? {}) as { Width?: unknown; Height?: unknown };
  const valid = (size: unknown): size is number =>
    Number.isInteger(size) && (size as number) > 0 && (size as number) < 65_536;
  return valid(width) && valid(height) ? { width, height } : undefined;
}

/** Remembers the last size until there is a listener. */
export class ResizeEvents {
  #last: TerminalSize | undefined;
  #listener: ((size: TerminalSize) => void) | undefined;

  emit(size: TerminalSize): void {
    this.#last = size;
    this.#listener?.(size);
  }

  listen(listener: (size: TerminalSize) => void): void {
    this.#listener = listener;
    if (this.#last) listener(this.#last);
  }
}
