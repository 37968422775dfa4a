/**
 * Service-account tokens for projected volumes: asked for when a pod first needs them, and again when most of their time is over. One timer
 * for all. A token that an earlier life of the agent wrote is taken over from the disk: pods start again also while no master answers.
 */
import type { ServiceAccountTokenProjection } from '../../api/generated/types/core-v1.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import type { WantedPod } from '../pod/types.ts';

export interface TokenAsk {
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly podName: string;
  readonly podUid: string;
  readonly audience: string;
  readonly expirationSeconds: number;
}

export interface Token {
  readonly token: string;
  readonly expiresAtMs: number;
}

export interface PodTokensOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** @throws Error when no master gives one */
  readonly issue: (ask: TokenAsk) => Promise<Token>;
  /** What the volume holds now. */
  readonly written: (podUid: string, volume: string, path: string) => Promise<string | undefined>;
  /** Tokens of this pod are due. */
  readonly onDue: (podUid: string) => void;
}

/** The token for one source of one of the pod's volumes. */
export type TokenLookup = (source: ServiceAccountTokenProjection) => string | undefined;

interface Held extends Token {
  readonly refreshAtMs: number;
}

const defaultSeconds = 3_600;
/** Refreshed when this share of its time is over, as kubelet does; at the latest after a day. */
const refreshShare = 0.8;
const maxAgeMs = 24 * 3_600_000;
/** After a failure to renew one that is still good. */
const retryMs = 30_000;
/** Longest timer. */
const maxTimerMs = 3_600_000;

export class PodTokens {
  readonly #options: PodTokensOptions;
  readonly #held = new Map<string, Map<string, Held>>();
  #cancelTimer: (() => void) | undefined;

  constructor(options: PodTokensOptions) {
    this.#options = options;
  }

  /** All tokens that the pod's volumes need, fresh. @throws Error when one is missing and cannot be had */
  async forPod(pod: WantedPod): Promise<TokenLookup> {
    const tokens = this.#held.get(pod.metadata.uid) ?? new Map<string, Held>();
    for (const { volume, source } of sourcesOf(pod)) {
      const key = keyOf(source);
      if (!tokens.has(key)) await this.#takeOver(pod, volume, source, tokens);
      const held = tokens.get(key);
      const nowMs = this.#options.clock.nowMs();
      if (!held || held.refreshAtMs <= nowMs) await this.#renew(pod, source, tokens, held);
    }
    if (tokens.size > 0) this.#held.set(pod.metadata.uid, tokens);
    this.#schedule();
    return (source) => tokens.get(keyOf(source))?.token;
  }

  forget(podUid: string): void {
    this.#held.delete(podUid);
  }

  stop(): void {
    this.#cancelTimer?.();
    this.#held.clear();
  }

  async #renew(
    { metadata, spec }: WantedPod,
    source: ServiceAccountTokenProjection,
    tokens: Map<string, Held>,
    held: Held | undefined,
  ): Promise<void> {
    const { clock, issue, logger } = this.#options;
    const askedMs = clock.nowMs();
    try {
      const token = await issue({
        namespace: metadata.namespace,
        serviceAccount: spec.serviceAccountName ?? 'default',
        podName: metadata.name,
        podUid: metadata.uid,
        audience: source.audience ?? '',
        expirationSeconds: source.expirationSeconds ?? defaultSeconds,
      });
      const lifeMs = Math.min(token.expiresAtMs - askedMs, maxAgeMs / refreshShare);
      tokens.set(keyOf(source), { ...token, refreshAtMs: askedMs + lifeMs * refreshShare });
    } catch (error) {
      if (!held || held.expiresAtMs <= askedMs) throw error;
      logger.warn(
        { err: error, pod: `${metadata.namespace}/${metadata.name}` },
        'token not renewed; the old one is still good',
      );
      tokens.set(keyOf(source), { ...held, refreshAtMs: askedMs + retryMs });
    }
  }

  async #takeOver(
    { metadata }: WantedPod,
    volume: string,
    source: ServiceAccountTokenProjection,
    tokens: Map<string, Held>,
  ): Promise<void> {
    const token = await this.#options.written(metadata.uid, volume, source.path);
    const claims = token === undefined ? undefined : claimsOf(token);
    if (token === undefined || !claims?.exp || !claims.iat) return;
    const audiences = [claims.aud ?? []].flat();
    if (source.audience && !audiences.includes(source.audience)) return;
    const askedSeconds = source.expirationSeconds ?? defaultSeconds;
    const issuedMs = claims.iat * 1_000;
    // The API may make a token live longer than its client is to count on.
    const expiresAtMs = Math.min(claims.exp * 1_000, issuedMs + askedSeconds * 1_000);
    if (expiresAtMs <= this.#options.clock.nowMs()) return;
    tokens.set(keyOf(source), { token, expiresAtMs, refreshAtMs: issuedMs + (expiresAtMs - issuedMs) * refreshShare });
  }

  #schedule(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    let next = Number.POSITIVE_INFINITY;
    for (const tokens of this.#held.values())
      for (const { refreshAtMs } of tokens.values()) next = Math.min(next, refreshAtMs);
    if (next === Number.POSITIVE_INFINITY) return;
    const delayMs = Math.min(Math.max(next - this.#options.clock.nowMs(), 0), maxTimerMs);
    this.#cancelTimer = this.#options.clock.setTimer(delayMs, () => this.#due());
  }

  #due(): void {
    const nowMs = this.#options.clock.nowMs();
    const due = [...this.#held].filter(([, tokens]) =>
      [...tokens.values()].some(({ refreshAtMs }) => refreshAtMs <= nowMs),
    );
    for (const [podUid] of due) this.#options.onDue(podUid);
    if (due.length === 0) this.#schedule();
    // Those that are due schedule anew once they have asked; a pod that never does must not hold the others up.
    else this.#cancelTimer = this.#options.clock.setTimer(retryMs, () => this.#schedule());
  }
}

function sourcesOf({ spec }: WantedPod) {
  return (spec.volumes ?? []).flatMap(({ name, projected }) =>
    (projected?.sources ?? []).flatMap(({ serviceAccountToken: source }) => (source ? [{ volume: name, source }] : [])),
  );
}

function keyOf({ audience, expirationSeconds }: ServiceAccountTokenProjection): string {
  return `${expirationSeconds ?? defaultSeconds} ${audience ?? ''}`;
}

function claimsOf(token: string): { exp?: number; iat?: number; aud?: string | string[] } | undefined {
  try {
    return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
  } catch {
    return undefined;
  }
}
