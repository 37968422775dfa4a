/** For tests: an S3 of one process, in memory, that checks signatures and can be told to fail. */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { signRequest } from '../s3/sign.ts';

export class TestS3Server {
  readonly objects = new Map<string, Buffer>();
  readonly uploads = new Map<string, { readonly key: string; readonly parts: Map<number, Buffer> }>();
  readonly credentials = { accessKeyId: 'test-key', secretAccessKey: 'test/secret' };
  readonly region = 'test-1';
  /** Answers this many requests with 503 before it works. */
  failures = 0;
  requests = 0;
  pageSize = 1000;
  readonly #server: Server;

  constructor() {
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  async listen(): Promise<void> {
    this.#server.listen(0, '127.0.0.1');
    await new Promise((resolve) => this.#server.once('listening', resolve));
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get environment(): Record<string, string> {
    return {
      AWS_ACCESS_KEY_ID: this.credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: this.credentials.secretAccessKey,
      AWS_REGION: this.region,
      AWS_ENDPOINT_URL: this.endpoint,
    };
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.requests++;
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece as Buffer);
    const body = Buffer.concat(pieces);
    const url = new URL(request.url!, this.endpoint);
    const fail = (status: number, code: string) => {
      response.writeHead(status, { 'content-type': 'application/xml' });
      response.end(`<Error><Code>${code}</Code><Message>told by the test</Message></Error>`);
    };
    if (this.failures > 0) {
      this.failures--;
      return fail(503, 'SlowDown');
    }
    if (!this.#isSigned(request, url, body)) return fail(403, 'SignatureDoesNotMatch');
    const key = decodeURIComponent(url.pathname).slice(1);
    const query = url.searchParams;
    const uploadId = query.get('uploadId');
    const upload = uploadId === null ? undefined : this.uploads.get(uploadId);
    if (uploadId !== null && !upload) return fail(404, 'NoSuchUpload');
    if (request.method === 'PUT') {
      const tag = `"${createHash('md5').update(body).digest('hex')}"`;
      if (upload) upload.parts.set(Number(query.get('partNumber')), body);
      else this.objects.set(key, body);
      response.writeHead(200, { etag: tag }).end();
    } else if (request.method === 'POST' && query.has('uploads')) {
      const id = `upload-${this.requests}`;
      this.uploads.set(id, { key, parts: new Map() });
      response.end(`<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`);
    } else if (request.method === 'POST' && upload) {
      const parts = [...upload.parts].sort(([a], [b]) => a - b);
      if (parts.slice(0, -1).some(([, part]) => part.length < 5 << 20)) return fail(400, 'EntityTooSmall');
      this.objects.set(key, Buffer.concat(parts.map(([, part]) => part)));
      this.uploads.delete(uploadId!);
      response.end('<CompleteMultipartUploadResult/>');
    } else if (request.method === 'DELETE') {
      if (upload) this.uploads.delete(uploadId!);
      else this.objects.delete(key);
      response.writeHead(204).end();
    } else if (query.has('list-type')) {
      response.end(this.#list(key.replace(/\/$/, ''), query));
    } else {
      const object = this.objects.get(key);
      if (object) response.end(object);
      else fail(404, 'NoSuchKey');
    }
  }

  #list(bucket: string, query: URLSearchParams): string {
    const prefix = `${bucket}/${query.get('prefix') ?? ''}`;
    const keys = [...this.objects.keys()].filter((key) => key.startsWith(prefix)).sort();
    const from = Number(query.get('continuation-token') ?? 0);
    const page = keys.slice(from, from + this.pageSize);
    const more = from + page.length < keys.length;
    const contents = page.map((key) => {
      const name = key.slice(bucket.length + 1).replace(/&/g, '&amp;');
      return `<Contents><Key>${name}</Key><Size>${this.objects.get(key)!.length}</Size></Contents>`;
    });
    const next = more ? `<NextContinuationToken>${from + page.length}</NextContinuationToken>` : '';
    return `<ListBucketResult><IsTruncated>${more}</IsTruncated>${next}${contents.join('')}</ListBucketResult>`;
  }

  #isSigned(request: IncomingMessage, url: URL, body: Buffer): boolean {
    const time = String(request.headers['x-amz-date']);
    const iso = time.replace(/^(....)(..)(..)T(..)(..)(..)Z$/, '$1-$2-$3T$4:$5:$6Z');
    const expected = signRequest(
      {
        method: request.method!,
        host: request.headers.host!,
        path: decodeURIComponent(url.pathname),
        query: Object.fromEntries(url.searchParams),
        bodySha256: createHash('sha256').update(body).digest('hex'),
      },
      this.credentials,
      this.region,
      new Date(iso),
    );
    return request.headers.authorization === expected.authorization;
  }
}
