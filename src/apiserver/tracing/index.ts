/** Requests as spans, sent to an OpenTelemetry collector (OTLP/HTTP, JSON) in batches. Without an endpoint there is none, and no cost. */
import { randomBytes } from 'node:crypto';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import { type EndpointConfig, HttpsEndpoint } from '../outgoing/https-endpoint.ts';
import { exportRequest, parseTraceParent, type Span } from './spans.ts';

export interface TracingConfig extends EndpointConfig {
  /** Of a million requests that nobody else traces, how many are; default 0. Those of a sampled trace always are. */
  readonly samplingRatePerMillion?: number | undefined;
}

const maxBuffered = 2_048;
const batchSize = 512;
const waitMs = 5_000;
const timeoutMs = 10_000;
const million = 1_000_000;

export interface RequestSpan {
  end(attributes: Readonly<Record<string, string | number>>, code: number): void;
}

export class Tracer {
  readonly #endpoint: HttpsEndpoint;
  readonly #share: number;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #resource: Readonly<Record<string, string>>;
  #spans: Span[] = [];
  #cancel: (() => void) | undefined;
  #sending: Promise<void> = Promise.resolve();

  /** `instance`: name of this master. @throws Error for a configuration that cannot be used */
  constructor(config: TracingConfig, instance: string, clock: Clock, logger: Logger) {
    this.#endpoint = new HttpsEndpoint(config);
    this.#share = (config.samplingRatePerMillion ?? 0) / million;
    this.#clock = clock;
    this.#logger = logger;
    this.#resource = { 'service.name': 'trimast-apiserver', 'service.instance.id': instance };
  }

  /** Undefined: this request is not traced. */
  begin(name: string, traceParent: string | undefined): RequestSpan | undefined {
    const parent = parseTraceParent(traceParent);
    if (!(parent ? parent.sampled : Math.random() < this.#share)) return undefined;
    const startMs = this.#clock.nowMs();
    const ids = {
      traceId: parent?.traceId ?? randomBytes(16).toString('hex'),
      spanId: randomBytes(8).toString('hex'),
      parentSpanId: parent?.spanId,
    };
    return {
      end: (attributes, code) => {
        const endMs = this.#clock.nowMs();
        const all = { ...attributes, 'http.response.status_code': code };
        this.#add({ ...ids, name, startMs, endMs, attributes: all, failed: code >= 500 });
      },
    };
  }

  #add(span: Span): void {
    // What a collector cannot take is not worth memory.
    if (this.#spans.length >= maxBuffered) return;
    this.#spans.push(span);
    if (this.#spans.length >= batchSize) this.#flush();
    else this.#cancel ??= this.#clock.setTimer(waitMs, () => this.#flush());
  }

  #flush(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    const spans = this.#spans;
    if (spans.length === 0) return;
    this.#spans = [];
    const send = () => this.#endpoint.call('POST', exportRequest(spans, this.#resource), timeoutMs);
    this.#sending = this.#sending.then(send).then(
      () => undefined,
      (error: unknown) => this.#logger.warn({ error: String(error), spans: spans.length }, 'traces could not be sent'),
    );
  }

  /** Sends what is left. */
  async close(): Promise<void> {
    this.#flush();
    await this.#sending;
    this.#endpoint.close();
  }
}
