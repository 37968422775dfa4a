/** Reads a request's body, never more than {@link maxBodyBytes} of it. */
import { ApiError } from '../../api/status.ts';
import type { HttpRequest } from '../streaming-types.ts';

export const maxBodyBytes = 3 * 1024 * 1024;

/** Of a body that is too large, this much is still read and dropped, so that the client gets to read the answer. */
const maxDiscardedBytes = 32 * 1024 * 1024;

export async function readBody(request: HttpRequest): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes <= maxBodyBytes) chunks.push(chunk);
    else chunks.length = 0;
    if (bytes > maxDiscardedBytes) break;
  }
  if (bytes > maxBodyBytes) {
    throw new ApiError('RequestEntityTooLarge', `Request entity too large: limit is ${maxBodyBytes}`);
  }
  return Buffer.concat(chunks);
}
