/**
 * Lines of a container log in the CRI format:
 *
 *   2026-01-02T03:04:05.123456789Z stdout F the message
 *
 * The tag is F for a full line (or the last part of one) and P for a part: the runtime splits at 16 KiB, and at output without a line feed.
 */

/** A line that is longer is no CRI line; it is passed on in pieces of this size. */
export const maxLogLineBytes = 256 * 1024;

const space = 0x20;
const lineFeed = 0x0a;
const partialTag = 0x50;

export interface LogLine {
  /** RFC 3339 with nanoseconds, as written. */
  readonly timestamp: string;
  readonly stream: string;
  readonly partial: boolean;
  /** Without the line feed that ends the log's line. */
  readonly message: Buffer;
}

/** Parses one line without its line feed; undefined when it is not in the CRI format. */
export function parseLogLine(line: Buffer): LogLine | undefined {
  const afterTimestamp = line.indexOf(space);
  if (afterTimestamp <= 0) return undefined;
  const afterStream = line.indexOf(space, afterTimestamp + 1);
  if (afterStream < 0) return undefined;
  const afterTag = line.indexOf(space, afterStream + 1);
  const stream = line.toString('latin1', afterTimestamp + 1, afterStream);
  if (stream !== 'stdout' && stream !== 'stderr') return undefined;
  return {
    timestamp: line.toString('latin1', 0, afterTimestamp),
    stream,
    // Tags may be joined by colons; the first one is F or P.
    partial: line[afterStream + 1] === partialTag,
    message: afterTag < 0 ? Buffer.alloc(0) : line.subarray(afterTag + 1),
  };
}

/** Splits bytes into lines. A line feed ends a line; what follows the last one waits for the next chunk. */
export class LineSplitter {
  #pending: Buffer[] = [];
  #pendingBytes = 0;

  push(chunk: Buffer): Buffer[] {
    const lines: Buffer[] = [];
    let start = 0;
    for (;;) {
      const end = chunk.indexOf(lineFeed, start);
      if (end < 0) break;
      lines.push(this.#take(chunk.subarray(start, end)));
      start = end + 1;
    }
    if (start < chunk.length) {
      this.#pending.push(chunk.subarray(start));
      this.#pendingBytes += chunk.length - start;
    }
    if (this.#pendingBytes > maxLogLineBytes) lines.push(this.#take(Buffer.alloc(0)));
    return lines;
  }

  #take(last: Buffer): Buffer {
    const line = this.#pending.length === 0 ? last : Buffer.concat([...this.#pending, last]);
    this.#pending = [];
    this.#pendingBytes = 0;
    return line;
  }
}

export interface LogFormat {
  readonly timestamps: boolean;
  /** Lines before this moment are left out. Milliseconds since 1970. */
  readonly sinceMs: number | undefined;
}

/** Turns lines of the file into what `kubectl logs` prints: parts of a line joined, each whole line with its own line feed. */
export class LogFormatter {
  readonly #format: LogFormat;
  /** True when the last line written was a part, so that the next one goes on with it. */
  #insideLine = false;

  constructor(format: LogFormat) {
    this.#format = format;
  }

  /** Empty when the line is left out. A line that is not in the CRI format is passed on as it is. */
  format(line: Buffer): Buffer {
    const parsed = parseLogLine(line);
    if (!parsed) return Buffer.concat([line, Buffer.from('\n')]);
    const { sinceMs, timestamps } = this.#format;
    if (sinceMs !== undefined && Date.parse(parsed.timestamp) < sinceMs) return Buffer.alloc(0);
    const parts: Buffer[] = [];
    if (timestamps && !this.#insideLine) parts.push(Buffer.from(`${parsed.timestamp} `));
    parts.push(parsed.message);
    if (!parsed.partial) parts.push(Buffer.from('\n'));
    this.#insideLine = parsed.partial;
    return Buffer.concat(parts);
  }
}
