/**
 * Links in pages that come through a proxy subresource lead back through it: `href="/x"` becomes `href="PREFIX/x"`. The same for the
 * `Location` of a redirect. Links to other hosts, relative ones and those that begin with the prefix already stay.
 */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import type { AdaptAnswer } from './forward.ts';

/** A larger page passes unchanged. */
const maxPageBytes = 8 * 1024 * 1024;
const tag = /<[a-z][^<>]*>/gi;
/** Attributes that hold links (HTML Living Standard, index of attributes). */
const link =
  /(\s(?:action|background|cite|codebase|data|formaction|href|icon|longdesc|manifest|poster|profile|src|usemap)\s*=\s*)(?:"([^"]*)"|'([^']*)')/gi;

/** `prefix`: path of the proxied root, without a slash at its end. `host`: that of the upstream. */
export function rewriteAnswers(prefix: string, host: string): AdaptAnswer {
  return (answer) => {
    const headers: IncomingHttpHeaders = { ...answer.headers };
    if (headers.location) headers.location = rewriteUrl(headers.location, prefix, host);
    if (!isPage(answer)) return { headers };
    delete headers['content-length'];
    return { headers, body: Readable.from(rewritten(answer, prefix, host)) };
  };
}

export function rewriteUrl(url: string, prefix: string, host: string): string {
  const absolute = /^(?:https?:)?\/\/([^/?#]*)(.*)$/i.exec(url);
  if (absolute && absolute[1] !== host) return url;
  const path = absolute ? absolute[2] || '/' : url;
  if (!path.startsWith('/') || path === prefix || path.startsWith(`${prefix}/`)) return url;
  return `${prefix}${path}`;
}

export function rewriteHtml(html: string, prefix: string, host: string): string {
  return html.replace(tag, (whole) =>
    whole.replace(link, (_, start: string, double?: string, single?: string) => {
      const quote = double === undefined ? "'" : '"';
      return `${start}${quote}${rewriteUrl((double ?? single)!, prefix, host)}${quote}`;
    }),
  );
}

/** Pages are asked for without compression; one that comes compressed all the same is left alone. */
function isPage({ headers, statusCode }: IncomingMessage): boolean {
  if (statusCode === 204 || statusCode === 304 || headers['content-encoding'] !== undefined) return false;
  if (Number(headers['content-length'] ?? 0) > maxPageBytes) return false;
  return (headers['content-type'] ?? '').toLowerCase().startsWith('text/html');
}

async function* rewritten(answer: IncomingMessage, prefix: string, host: string): AsyncGenerator<Buffer> {
  let chunks: Buffer[] | undefined = [];
  let bytes = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    if (!chunks) {
      yield chunk;
      continue;
    }
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes <= maxPageBytes) continue;
    yield* chunks;
    chunks = undefined;
  }
  if (chunks) yield Buffer.from(rewriteHtml(Buffer.concat(chunks).toString('latin1'), prefix, host), 'latin1');
}
