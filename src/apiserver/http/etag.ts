/** Documents that seldom change: answered with 304 to clients that have them already. */
import { createHash } from 'node:crypto';
import type { Exchange } from './exchange.ts';

/** A strong ETag over the bytes. */
export function etagOf(bytes: Buffer): string {
  return `"${createHash('sha512').update(bytes).digest('hex').toUpperCase()}"`;
}

export async function sendDocument(
  exchange: Exchange,
  contentType: string,
  bytes: Buffer,
  headers: Record<string, string> = {},
): Promise<void> {
  const etag = etagOf(bytes);
  const known = (exchange.header('if-none-match') ?? '').split(',').map((one) => one.trim().replace(/^W\//, ''));
  const all = { etag, vary: 'Accept', ...headers };
  if (known.includes(etag)) return exchange.send(304, contentType, Buffer.alloc(0), all);
  return exchange.send(200, contentType, bytes, all);
}
