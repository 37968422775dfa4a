/** A service outside of the cluster that this API asks or tells: an HTTPS URL, how it is known, and who this API is to it. */
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:https';

export interface EndpointConfig {
  /** `https://…`. */
  readonly url: string;
  /** Absent: the CAs of the system. */
  readonly caFile?: string | undefined;
  readonly certFile?: string | undefined;
  readonly keyFile?: string | undefined;
  /** Its content is sent as a bearer token. */
  readonly tokenFile?: string | undefined;
}

const maxAnswerBytes = 4 * 1024 * 1024;
const maxSockets = 32;

export class EndpointError extends Error {
  override readonly name = 'EndpointError';
}

export class HttpsEndpoint {
  readonly #url: URL;
  readonly #agent: Agent;
  readonly #tokenFile: string | undefined;

  /** Reads the files, but for the token, which may change. @throws Error */
  constructor({ url, caFile, certFile, keyFile, tokenFile }: EndpointConfig) {
    this.#url = new URL(url);
    if (this.#url.protocol !== 'https:')
      throw new EndpointError(`"${url}" is no https URL: nothing is sent in plain text`);
    this.#tokenFile = tokenFile;
    this.#agent = new Agent({
      keepAlive: true,
      maxSockets,
      ...(caFile && { ca: readFileSync(caFile) }),
      ...(certFile && keyFile && { cert: readFileSync(certFile), key: readFileSync(keyFile) }),
    });
  }

  /** `path`: absent: the URL's own. @throws EndpointError for anything but a 2xx with JSON */
  async call(
    method: 'GET' | 'POST',
    body: object | undefined,
    timeoutMs: number,
    url: URL = this.#url,
  ): Promise<unknown> {
    const bytes = body && Buffer.from(JSON.stringify(body));
    const headers: Record<string, string> = { accept: 'application/json' };
    if (bytes) {
      headers['content-type'] = 'application/json';
      headers['content-length'] = String(bytes.length);
    }
    if (this.#tokenFile) headers.authorization = `Bearer ${readFileSync(this.#tokenFile, 'utf8').trim()}`;
    const signal = AbortSignal.timeout(timeoutMs);
    const text = await new Promise<string>((resolve, reject) => {
      const outgoing = request(url, { method, headers, agent: this.#agent, signal }, (answer) => {
        const chunks: Buffer[] = [];
        let size = 0;
        answer.on('data', (chunk: Buffer) => {
          size += chunk.length;
          if (size > maxAnswerBytes) answer.destroy(new Error('the answer is too large'));
          else chunks.push(chunk);
        });
        answer.on('error', reject);
        answer.on('end', () => {
          const { statusCode = 0 } = answer;
          if (statusCode >= 200 && statusCode < 300) resolve(Buffer.concat(chunks).toString());
          else reject(new EndpointError(`${url.origin} answered ${statusCode}`));
        });
      });
      outgoing.on('error', (cause) => reject(new EndpointError(`${url.origin}: ${cause.message}`, { cause })));
      outgoing.end(bytes);
    });
    if (text.trim() === '') return undefined;
    try {
      return JSON.parse(text);
    } catch (cause) {
      throw new EndpointError(`${url.origin} did not answer with JSON`, { cause });
    }
  }

  get url(): URL {
    return this.#url;
  }

  close(): void {
    this.#agent.destroy();
  }
}
