/** Finds where the last N lines of a container log begin, reading backwards, so that a long log costs no more than its tail. */
import type { FileHandle } from 'node:fs/promises';
import { parseLogLine } from './log-line.ts';

const blockBytes = 64 * 1024;
/** Enough for timestamp, stream and tag. */
const lineHeadBytes = 128;
const lineFeed = 0x0a;

/**
 * The offset of the first byte of the last `lines` whole lines within the first `sizeBytes` bytes. Parts of a line count as one line with
 * what completes them; what comes after the last whole line counts as none, but is included.
 */
export async function findTailOffset(file: FileHandle, sizeBytes: number, lines: number): Promise<number> {
  /** Offset of the line feed that ends the line whose beginning we look for. */
  let lineEnd = -1;
  let counted = 0;
  let nextHead: Buffer = Buffer.alloc(0);
  for (let blockStart = sizeBytes; blockStart > 0; ) {
    const length = Math.min(blockBytes, blockStart);
    blockStart -= length;
    const bytes = Buffer.alloc(length + nextHead.length);
    const { bytesRead } = await file.read(bytes, 0, length, blockStart);
    // Truncated under our hands: what is there now is all new.
    if (bytesRead < length) return 0;
    nextHead.copy(bytes, length);
    for (let index = length - 1; index >= -1; index--) {
      if (index >= 0) index = bytes.lastIndexOf(lineFeed, index);
      const atFileStart = index < 0 && blockStart === 0;
      if (index < 0 && !atFileStart) break;
      if (lineEnd >= 0 && isWhole(bytes.subarray(index + 1, index + 1 + lineHeadBytes))) {
        counted++;
        if (counted > lines) return lineEnd + 1;
      }
      if (atFileStart) return 0;
      lineEnd = blockStart + index;
    }
    nextHead = bytes.subarray(0, Math.min(lineHeadBytes, length));
  }
  return 0;
}

/** Of the first bytes of a line, which may go on into the next one. */
function isWhole(head: Buffer): boolean {
  return !parseLogLine(head)?.partial;
}
