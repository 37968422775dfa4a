/** One request and its response, the same over HTTP/2 and HTTP/1.1: writing with back-pressure, errors as Status. */

import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { promisify } from 'node:util';
import { constants, createGzip, gzip } from 'node:zlib';
import { encodeAs } from '../../api/codec/protobuf/encode.ts';
import { hasProtobufForm } from '../../api/codec/protobuf/messages.ts';
import { builtInSchemas } from '../../api/schema/schema.ts';
import type { ApiError, Status } from '../../api/status.ts';
import type { KubernetesObject } from '../../api/types.ts';
import type { AuditTrail } from '../audit/index.ts';
import type { HttpRequest, HttpResponse } from '../streaming-types.ts';
import type { RequestContext } from '../types.ts';
import { acceptsGzip, prefersProtobuf } from './negotiate.ts';

/** Answers of at least this size are compressed for clients that take it; as upstream. */
const gzipThresholdBytes = 128 * 1024;

/** A client that takes nothing for this long is gone. */
const stalledClientMs = 60_000;

/** `Warning` headers of one answer, and the length of each. */
const maxWarnings = 50;
const maxWarningLength = 512;

const compress = promisify(gzip);

export class Exchange {
  readonly request: HttpRequest;
  readonly url: URL;
  /** Replaced once, when the caller impersonates somebody. */
  context: RequestContext;
  /** What is told of this exchange to the audit log. */
  audit: AuditTrail | undefined;
  /** Aborts when the client is gone. */
  readonly signal: AbortSignal;
  readonly #response: ServerResponse;
  readonly #warnings = new Set<string>();

  constructor(request: HttpRequest, response: HttpResponse, url: URL, user: RequestContext['user']) {
    this.request = request;
    this.url = url;
    // What the two versions' responses have in common is all that is used.
    this.#response = response as ServerResponse;
    const gone = new AbortController();
    this.#response.once('close', () => gone.abort());
    this.signal = gone.signal;
    this.context = { user, signal: gone.signal, warn: (message) => this.#warn(message) };
  }

  get response(): HttpResponse {
    return this.#response;
  }

  get query(): URLSearchParams {
    return this.url.searchParams;
  }

  header(name: string): string | undefined {
    const value = this.request.headers[name];
    return Array.isArray(value) ? value.join(',') : value;
  }

  #warn(message: string): void {
    if (this.#warnings.size < maxWarnings) this.#warnings.add(message.slice(0, maxWarningLength));
  }

  #head(status: number, contentType: string, headers: Record<string, string>): void {
    const warnings = [...this.#warnings].map((message) => `299 - ${quoted(message)}`);
    if (warnings.length > 0) this.#response.setHeader('warning', warnings);
    this.#response.setHeader('cache-control', 'no-cache, private');
    this.#response.setHeader('content-type', contentType);
    this.#response.writeHead(status, headers);
  }

  /** A whole answer. */
  async send(status: number, contentType: string, body: Buffer, headers: Record<string, string> = {}): Promise<void> {
    this.audit?.responseBody(status, { bytes: body, contentType });
    let bytes = body;
    const out = { ...headers };
    if (body.length >= gzipThresholdBytes && acceptsGzip(this.header('accept-encoding'))) {
      bytes = await compress(body, { level: constants.Z_BEST_SPEED });
      out['content-encoding'] = 'gzip';
      out.vary = 'accept-encoding';
    }
    if (this.signal.aborted) return;
    this.#head(status, contentType, { ...out, 'content-length': String(bytes.length) });
    this.#response.end(bytes);
  }

  sendJson(status: number, value: object, headers?: Record<string, string>): Promise<void> {
    return this.send(status, 'application/json', Buffer.from(JSON.stringify(value)), headers);
  }

  /** A small API object (a Status, a Scale, a review) in the form that the client wants most, JSON when in doubt. */
  sendValue(status: number, value: object, headers?: Record<string, string>): Promise<void> {
    const bytes = prefersProtobuf(this.header('accept')) ? protobufOf(value as KubernetesObject) : undefined;
    if (!bytes) return this.sendJson(status, value, headers);
    return this.send(status, 'application/vnd.kubernetes.protobuf', bytes, headers);
  }

  /** An answer in chunks, as fast as the client takes them; compressed when `large`. */
  async stream(contentType: string, chunks: Iterable<Buffer> | AsyncIterable<Buffer>, large: boolean): Promise<void> {
    const zip =
      large && acceptsGzip(this.header('accept-encoding')) ? createGzip({ level: constants.Z_BEST_SPEED }) : undefined;
    this.#head(200, contentType, zip ? { 'content-encoding': 'gzip', vary: 'accept-encoding' } : {});
    if (!zip) {
      this.audit?.started(200);
      // The client learns at once that its watch stands.
      this.#response.flushHeaders?.();
      for await (const chunk of chunks) if (!(await this.#write(chunk))) return;
    } else {
      const copied = this.#copy(zip);
      for await (const chunk of chunks) {
        if (this.signal.aborted) break;
        if (!zip.write(chunk)) await Promise.race([once(zip, 'drain'), copied]);
      }
      zip.end();
      if (!(await copied)) return;
    }
    this.#response.end();
  }

  async #copy(from: AsyncIterable<Buffer>): Promise<boolean> {
    for await (const chunk of from) if (!(await this.#write(chunk))) return false;
    return true;
  }

  /** False once the client is gone, or has been given up. */
  async #write(chunk: Buffer): Promise<boolean> {
    if (this.signal.aborted) return false;
    if (this.#response.write(chunk)) return true;
    const drained = await new Promise<boolean>((resolve) => {
      const settle = (value: boolean) => {
        clearTimeout(timer);
        this.#response.off('drain', onDrain);
        this.#response.off('close', onClose);
        resolve(value);
      };
      const onDrain = () => settle(true);
      const onClose = () => settle(false);
      const timer = setTimeout(onClose, stalledClientMs);
      this.#response.once('drain', onDrain);
      this.#response.once('close', onClose);
    });
    if (!drained) this.#response.destroy();
    return drained;
  }

  /** Answers with the error's Status; when an answer has begun, all that is left is to cut it off. */
  async fail(error: ApiError): Promise<void> {
    if (this.#response.headersSent) {
      this.#response.destroy();
      return;
    }
    const { retryAfterSeconds } = error.details ?? {};
    const status: Status = error.toStatus();
    const headers = retryAfterSeconds === undefined ? undefined : { 'retry-after': String(retryAfterSeconds) };
    await this.sendValue(error.code, status, headers);
  }

  get finished(): boolean {
    return this.#response.writableEnded || this.signal.aborted;
  }
}

/** Undefined for what has no protobuf form. */
function protobufOf(value: KubernetesObject): Buffer | undefined {
  const schemas = builtInSchemas();
  const definition = schemas.definitionOfKind(value.apiVersion ?? '', value.kind ?? '');
  return definition !== undefined && hasProtobufForm(definition) ? encodeAs(definition, value) : undefined;
}

/** A quoted string of RFC 9110; what cannot be in a header becomes a space. */
function quoted(text: string): string {
  return `"${text.replace(/[^\x20-\x7e]/g, ' ').replace(/["\\]/g, '\\$&')}"`;
}
