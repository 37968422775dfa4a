/** The end of a container's log as its termination message (terminationMessagePolicy FallbackToLogsOnError). */
import { open } from 'node:fs/promises';

/** Kubernetes' limits: 2048 bytes or 80 lines, whichever is smaller. */
const MAX_TAIL_BYTES = 2048;
const MAX_TAIL_LINES = 80;
/** Each line of the CRI format carries a timestamp and tags of about 45 bytes. */
const READ_BYTES = MAX_TAIL_BYTES + MAX_TAIL_LINES * 64;

export async function logTail(path: string): Promise<string> {
  const file = await open(path, 'r').catch(() => undefined);
  if (!file) return '';
  try {
    const { size } = await file.stat();
    const buffer = Buffer.alloc(Math.min(size, READ_BYTES));
    await file.read(buffer, 0, buffer.length, size - buffer.length);
    const lines = buffer.toString('utf8').split('\n');
    if (size > READ_BYTES) lines.shift();
    const text = lines
      .filter((line) => line !== '')
      .slice(-MAX_TAIL_LINES)
      .map(content)
      .join('');
    return Buffer.from(text).subarray(-MAX_TAIL_BYTES).toString('utf8');
  } finally {
    await file.close();
  }
}

/** Of a line TIMESTAMP STREAM TAGS CONTENT. One tagged P was cut by the runtime, or is the end of output without a line feed. */
function content(line: string): string {
  const [, , tags = '', ...rest] = line.split(' ');
  return rest.join(' ') + (tags.split(':')[0] === 'P' ? '' : '\n');
}
