/**
 * The few requests of S3 that backups need, path-style, so that every S3-compatible storage understands them. What is idempotent is tried again
 * a few times; every body is at most one part, held in memory.
 */
import { BackupError } from '../backup-error.ts';
import type { S3Settings } from './credentials.ts';
import { encodePath, encodeQuery, sha256Hex, signRequest } from './sign.ts';
import { elements, escapeXml, text } from './xml.ts';

const attempts = 4;
const firstPauseMs = 200;
const requestTimeoutMs = 120_000;
const maxErrorBytes = 64 << 10;
const maxListedObjects = 100_000;

export interface S3Object {
  readonly key: string;
  readonly bytes: number;
}

interface Call {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  readonly key?: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
}

export class S3Client {
  readonly #settings: S3Settings;
  readonly #bucket: string;

  constructor(settings: S3Settings, bucket: string) {
    this.#settings = settings;
    this.#bucket = bucket;
  }

  async put(key: string, body: Uint8Array): Promise<void> {
    await this.#send({ method: 'PUT', key, body });
  }

  async get(key: string): Promise<AsyncIterable<Uint8Array>> {
    const response = await this.#send({ method: 'GET', key });
    if (!response.body) throw new BackupError('unavailable', `S3 GET ${key}: the answer has no body`);
    return response.body as AsyncIterable<Uint8Array>;
  }

  async remove(key: string): Promise<void> {
    await this.#send({ method: 'DELETE', key });
  }

  async list(prefix: string): Promise<S3Object[]> {
    const found: S3Object[] = [];
    let token: string | undefined;
    do {
      const query = { 'list-type': '2', prefix, ...(token && { 'continuation-token': token }) };
      const xml = await (await this.#send({ method: 'GET', query })).text();
      for (const item of elements(xml, 'Contents')) {
        found.push({ key: text(item, 'Key') ?? '', bytes: Number(text(item, 'Size') ?? 0) });
      }
      token = text(xml, 'IsTruncated') === 'true' ? text(xml, 'NextContinuationToken') : undefined;
      if (found.length > maxListedObjects)
        throw new BackupError(
          'unavailable',
          `more than ${maxListedObjects} objects below ${prefix}: use a prefix of its own`,
        );
    } while (token !== undefined);
    return found;
  }

  /** The object appears when all parts are there; a failure aborts the upload. Parts are at least 5 MiB but for the last. */
  async putParts(key: string, parts: AsyncIterable<Uint8Array>): Promise<void> {
    const begun = await (await this.#send({ method: 'POST', key, query: { uploads: '' } })).text();
    const uploadId = text(begun, 'UploadId');
    if (!uploadId) throw new BackupError('unavailable', `S3 did not begin the upload of ${key}`);
    try {
      const tags: string[] = [];
      for await (const body of parts) {
        const query = { partNumber: String(tags.length + 1), uploadId };
        const response = await this.#send({ method: 'PUT', key, query, body });
        await response.arrayBuffer();
        const tag = response.headers.get('etag');
        if (!tag) throw new BackupError('unavailable', `S3 gave part ${tags.length + 1} of ${key} no ETag`);
        tags.push(tag);
      }
      const list = tags.map(
        (tag, at) => `<Part><PartNumber>${at + 1}</PartNumber><ETag>${escapeXml(tag)}</ETag></Part>`,
      );
      const body = Buffer.from(`<CompleteMultipartUpload>${list.join('')}</CompleteMultipartUpload>`);
      const answer = await (await this.#send({ method: 'POST', key, query: { uploadId }, body })).text();
      // A failure at the end comes in an answer that begins as a success.
      if (answer.includes('<Error>')) throw new BackupError('unavailable', `S3 POST ${key}: ${describe(answer)}`);
    } catch (error) {
      await this.#send({ method: 'DELETE', key, query: { uploadId } }).catch(() => undefined);
      throw error;
    }
  }

  async #send(call: Call): Promise<Response> {
    const where = `S3 ${call.method} ${this.#bucket}/${call.key ?? ''}`;
    for (let attempt = 1, pauseMs = firstPauseMs; ; attempt++, pauseMs *= 2) {
      const outcome = await this.#once(call).catch((cause: Error) => cause);
      if (!(outcome instanceof Error) && outcome.ok) return outcome;
      const status = outcome instanceof Error ? undefined : outcome.status;
      const detail =
        outcome instanceof Error
          ? `${outcome.message}${outcome.cause instanceof Error ? `: ${outcome.cause.message}` : ''}`
          : `${status} ${describe((await outcome.text()).slice(0, maxErrorBytes))}`;
      const temporary = status === undefined || status === 429 || status >= 500;
      if (temporary && attempt < attempts) {
        await new Promise((resolve) => setTimeout(resolve, pauseMs));
        continue;
      }
      throw new BackupError(status === 404 ? 'not-found' : 'unavailable', `${where}: ${detail}`, {
        ...(outcome instanceof Error && { cause: outcome }),
      });
    }
  }

  #once({ method, key = '', query = {}, body }: Call): Promise<Response> {
    const { endpoint, region, credentials } = this.#settings;
    const url = new URL(endpoint);
    const path = `/${this.#bucket}${key === '' ? '' : `/${key}`}`;
    const bodySha256 = sha256Hex(body ?? '');
    const headers = signRequest({ method, host: url.host, path, query, bodySha256 }, credentials, region, new Date());
    // `fetch` sets host itself, to the same.
    delete headers.host;
    const search = encodeQuery(query);
    return fetch(`${endpoint}${encodePath(path)}${search === '' ? '' : `?${search}`}`, {
      method,
      headers,
      signal: AbortSignal.timeout(requestTimeoutMs),
      ...(body && { body: body as Uint8Array<ArrayBuffer> }),
    });
  }
}

function describe(xml: string): string {
  const code = text(xml, 'Code');
  return code ? `${code}: ${text(xml, 'Message') ?? ''}` : xml.slice(0, 200);
}
