/** Audit events to a webhook, in batches, with retries; what does not fit into the buffer is dropped and counted. */
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import { type EndpointConfig, HttpsEndpoint } from '../outgoing/https-endpoint.ts';
import type { AuditSink } from './log-file.ts';
import { auditErrors } from './metrics.ts';

export interface AuditWebhookConfig extends EndpointConfig {
  /** Default 400. */
  readonly maxBatchSize?: number | undefined;
  /** Default 30,000. */
  readonly maxWaitMs?: number | undefined;
}

/** Upstream's `--audit-webhook-batch-*`. */
const defaultBatchSize = 400;
const defaultWaitMs = 30_000;
const maxBuffered = 10_000;
const timeoutMs = 30_000;
const attempts = 5;
const firstRetryMs = 1_000;

export class AuditWebhook implements AuditSink {
  readonly #config: AuditWebhookConfig;
  readonly #endpoint: HttpsEndpoint;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #events: object[] = [];
  #sending: Promise<void> | undefined;
  #cancelTimer: (() => void) | undefined;
  #closed = false;

  /** @throws Error for a URL or file that cannot be used */
  constructor(config: AuditWebhookConfig, clock: Clock, logger: Logger) {
    this.#config = config;
    this.#endpoint = new HttpsEndpoint(config);
    this.#clock = clock;
    this.#logger = logger;
  }

  write(event: object): void {
    if (this.#events.length >= maxBuffered) {
      auditErrors.with('webhook').add();
      return;
    }
    this.#events.push(event);
    if (this.#events.length >= (this.#config.maxBatchSize ?? defaultBatchSize)) this.#flush();
    else this.#cancelTimer ??= this.#clock.setTimer(this.#config.maxWaitMs ?? defaultWaitMs, () => this.#flush());
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#flush();
    await this.#sending;
    this.#endpoint.close();
  }

  #flush(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#sending ??= this.#send().finally(() => {
      this.#sending = undefined;
    });
  }

  async #send(): Promise<void> {
    const { maxBatchSize = defaultBatchSize } = this.#config;
    while (this.#events.length > 0) {
      const items = this.#events.splice(0, maxBatchSize);
      const body = { kind: 'EventList', apiVersion: 'audit.k8s.io/v1', metadata: {}, items };
      for (let attempt = 1; ; attempt++) {
        try {
          await this.#endpoint.call('POST', body, timeoutMs);
          break;
        } catch (error) {
          if (attempt < attempts && !this.#closed) {
            await new Promise<void>((resolve) => void this.#clock.setTimer(firstRetryMs * 2 ** (attempt - 1), resolve));
            continue;
          }
          auditErrors.with('webhook').add(items.length);
          this.#logger.error({ error: String(error), events: items.length }, 'audit events could not be sent');
          break;
        }
      }
      if (this.#events.length < maxBatchSize && !this.#closed) {
        if (this.#events.length > 0) {
          this.#cancelTimer ??= this.#clock.setTimer(this.#config.maxWaitMs ?? defaultWaitMs, () => this.#flush());
        }
        return;
      }
    }
  }
}
