/** Auditing: what the policy wants to know of each request, told to the log and the webhook. Without a policy there is none, and no cost. */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { decodeProtobuf } from '../../api/codec/protobuf/decode.ts';
import { builtInSchemas } from '../../api/schema/schema.ts';
import type { Status } from '../../api/status.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import type { UserInfo } from '../types.ts';
import { type AuditedRequest, type AuditOutcome, auditEvent } from './event.ts';
import { AuditLogFile, type AuditSink, type LogFileConfig } from './log-file.ts';
import { auditEvents } from './metrics.ts';
import { type Decision, decide, type Policy, parsePolicy, type Stage } from './policy.ts';
import { AuditWebhook, type AuditWebhookConfig } from './webhook.ts';

export interface AuditConfig {
  /** YAML of kind Policy, `audit.k8s.io/v1`. */
  readonly policyFile: string;
  readonly log?: LogFileConfig | undefined;
  readonly webhook?: AuditWebhookConfig | undefined;
}

/** A body as it came or went. */
export interface CapturedBody {
  readonly bytes: Uint8Array;
  readonly contentType: string | undefined;
}

export class Auditor {
  readonly #policy: Policy;
  readonly #sinks: readonly AuditSink[];
  readonly #clock: Clock;

  constructor(policy: Policy, sinks: readonly AuditSink[], clock: Clock) {
    this.#policy = policy;
    this.#sinks = sinks;
    this.#clock = clock;
  }

  /** Undefined: the policy does not want to know of it. `caller`: without impersonation. */
  begin(request: Omit<AuditedRequest, 'receivedMs'>): AuditTrail | undefined {
    const user: UserInfo = request.impersonated ?? request.caller;
    const decision = decide(this.#policy, user, request.info);
    if (decision.level === 'None') return undefined;
    const audited = { ...request, receivedMs: this.#clock.nowMs() };
    return new AuditTrail(audited, decision, (stage, outcome) => this.#write(audited, decision, stage, outcome));
  }

  #write(request: AuditedRequest, decision: Decision, stage: Stage, outcome: AuditOutcome | undefined): void {
    if (decision.omitStages.has(stage)) return;
    auditEvents.add();
    const event = auditEvent(request, decision, stage, outcome, this.#clock.nowMs());
    for (const sink of this.#sinks) sink.write(event);
  }

  /** Writes what is left. */
  async close(): Promise<void> {
    await Promise.all(this.#sinks.map((sink) => sink.close()));
  }
}

/** Reads the policy. @throws Error that says what is wrong with the configuration */
export function createAuditor(config: AuditConfig, clock: Clock, logger: Logger): Auditor {
  const policy = parsePolicy(readFileSync(config.policyFile, 'utf8'));
  const sinks: AuditSink[] = [];
  if (config.log) sinks.push(new AuditLogFile(config.log, logger));
  if (config.webhook) sinks.push(new AuditWebhook(config.webhook, clock, logger));
  if (sinks.length === 0) throw new Error('audit: name a log or a webhook, or nobody learns of anything');
  return new Auditor(policy, sinks, clock);
}

/** What becomes of one request. */
export class AuditTrail {
  readonly wantsRequest: boolean;
  readonly wantsResponse: boolean;
  readonly #unnamed: boolean;
  readonly #write: (stage: Stage, outcome: AuditOutcome | undefined) => void;
  readonly #annotations: Record<string, string> = {};
  #requestBody: CapturedBody | undefined;
  #responseBody: CapturedBody | undefined;

  constructor(
    { info }: AuditedRequest,
    decision: Decision,
    write: (stage: Stage, outcome: AuditOutcome | undefined) => void,
  ) {
    this.wantsRequest = decision.level === 'Request' || decision.level === 'RequestResponse';
    this.wantsResponse = decision.level === 'RequestResponse';
    this.#unnamed = info.kind === 'resource' && info.name === undefined && info.verb === 'create';
    this.#write = write;
    write('RequestReceived', undefined);
  }

  /** The first value of a key counts. */
  annotate(key: string, value: string): void {
    this.#annotations[key] ??= value;
  }

  requestBody(body: CapturedBody): void {
    // The name of what is created stands in it alone.
    if (this.wantsRequest || this.#unnamed) this.#requestBody = body;
  }

  /** Failures are always looked at: their Status is part of every level. */
  responseBody(code: number, body: CapturedBody): void {
    if (this.wantsResponse || code >= 400) this.#responseBody = body;
  }

  /** Of a watch or stream whose head is out. */
  started(code: number): void {
    this.#write('ResponseStarted', this.#outcome(code));
  }

  end(code: number): void {
    this.annotate('authorization.k8s.io/decision', code === 403 ? 'forbid' : 'allow');
    this.#write('ResponseComplete', this.#outcome(code));
  }

  #outcome(code: number): AuditOutcome {
    const requestObject = this.#requestBody && decoded(this.#requestBody);
    const responseObject = this.#responseBody && decoded(this.#responseBody);
    const isStatus = (responseObject as { kind?: string } | undefined)?.kind === 'Status';
    const status = isStatus ? (responseObject as Status) : undefined;
    return { code, status, requestObject, responseObject, annotations: this.#annotations };
  }
}

/** Undefined for what is neither JSON nor protobuf, or is broken. */
function decoded({ bytes, contentType = 'application/json' }: CapturedBody): unknown {
  if (bytes.length === 0) return undefined;
  try {
    if (contentType.includes('protobuf')) return decodeProtobuf(builtInSchemas(), bytes);
    const text = Buffer.from(bytes).toString();
    return contentType.includes('yaml') ? parse(text) : JSON.parse(text);
  } catch {
    return undefined;
  }
}
