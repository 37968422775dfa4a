/**
 * Names that are not the cluster's: asked of the node's own resolvers, or of those that a stub domain names. Equal questions that come
 * together are asked once. A server that fails is asked last next time.
 */
import { randomInt } from 'node:crypto';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import { forward as limits, maxUdpBytes } from '../limits.ts';
import { before, type Labels, labelsOf } from '../name.ts';
import { headerBytes, type Query, rcodes } from '../query.ts';
import { AnswerCache } from './answer-cache.ts';
import { exchangeTcp, exchangeUdp, type Server } from './exchange.ts';
import { readUpstreamAnswer, type UpstreamAnswer } from './upstream-message.ts';

export interface ForwarderOptions {
  readonly servers: readonly Server[];
  /** By domain: who is asked for what ends with it. The longest match counts. */
  readonly stubDomains: ReadonlyMap<string, readonly Server[]>;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface Route {
  readonly suffix: Labels;
  /** The one that answered last comes first. */
  readonly servers: Server[];
}

/** What is asked; `question` is the name, type and class as bytes, in lower case so that equal questions are equal. */
interface Outgoing {
  readonly question: Buffer;
  readonly labels: Labels;
  readonly recursionDesired: boolean;
  readonly checkingDisabled: boolean;
  readonly dnssecOk: boolean;
  readonly hasEdns: boolean;
  readonly tcp: boolean;
}

export class Forwarder {
  readonly #options: ForwarderOptions;
  readonly #routes: readonly Route[];
  readonly #cache: AnswerCache;
  readonly #pending = new Map<string, Promise<UpstreamAnswer | undefined>>();
  readonly #abort = new AbortController();
  readonly counts = { cached: 0, asked: 0, failed: 0 };

  constructor(options: ForwarderOptions) {
    const { servers, stubDomains, clock } = options;
    this.#options = options;
    this.#cache = new AnswerCache(clock);
    const stubs = [...stubDomains].map(([domain, those]) => ({ suffix: labelsOf(domain), servers: [...those] }));
    this.#routes = [...stubs, { suffix: [], servers: [...servers] }].sort((a, b) => b.suffix.length - a.suffix.length);
  }

  close(): void {
    this.#abort.abort();
  }

  /** The whole answer to `query`, ready to send but for its length; at once (not a promise) when it is in the cache. Undefined: no server answered. */
  answer(query: Query, tcp: boolean): Buffer | Promise<Buffer | undefined> {
    const outgoing = outgoingOf(query, tcp);
    const cached = this.#cache.get(keyOf(outgoing));
    if (cached) {
      this.counts.cached++;
      return addressed(cached, query);
    }
    return this.#ask(outgoing).then((answer) => answer && addressed(Buffer.from(answer.bytes), query));
  }

  #ask(outgoing: Outgoing): Promise<UpstreamAnswer | undefined> {
    const key = `${keyOf(outgoing)}${outgoing.tcp ? 'T' : 'U'}`;
    const underWay = this.#pending.get(key);
    if (underWay) return underWay;
    if (this.#pending.size >= limits.maxPending) return Promise.resolve(undefined);
    const asked = this.#askServers(outgoing).finally(() => this.#pending.delete(key));
    this.#pending.set(key, asked);
    return asked;
  }

  async #askServers(outgoing: Outgoing): Promise<UpstreamAnswer | undefined> {
    this.counts.asked++;
    const route = this.#routes.find(({ suffix }) => before(outgoing.labels, suffix) !== undefined)!;
    let last: UpstreamAnswer | undefined;
    for (const server of [...route.servers, ...route.servers, ...route.servers].slice(0, limits.maxAttempts)) {
      if (this.#abort.signal.aborted) break;
      try {
        const answer = await this.#askOne(server, outgoing);
        last = answer;
        if (answer.rcode === rcodes.SERVFAIL || answer.rcode === rcodes.REFUSED) {
          prefer(route.servers, server, false);
          continue;
        }
        prefer(route.servers, server, true);
        this.#cache.put(keyOf(outgoing), answer);
        return answer;
      } catch (error) {
        this.#options.logger.debug({ server: server.address, reason: String(error) }, 'DNS server did not answer');
        prefer(route.servers, server, false);
      }
    }
    if (!last) this.counts.failed++;
    return last;
  }

  async #askOne(server: Server, outgoing: Outgoing): Promise<UpstreamAnswer> {
    const id = randomInt(0x10000);
    const message = encode(outgoing, id);
    const read = (bytes: Buffer) => readUpstreamAnswer(bytes, id, outgoing.question);
    const late = new AbortController();
    const cancel = this.#options.clock.setTimer(limits.attemptMs, () => late.abort());
    try {
      const signal = AbortSignal.any([late.signal, this.#abort.signal]);
      return await (outgoing.tcp ? exchangeTcp : exchangeUdp)(server, message, read, signal);
    } finally {
      cancel();
    }
  }
}

function prefer(servers: Server[], server: Server, good: boolean): void {
  const index = servers.indexOf(server);
  if (servers.length < 2 || index < 0 || (good && index === 0)) return;
  servers.splice(index, 1);
  if (good) servers.unshift(server);
  else servers.push(server);
}

function outgoingOf(query: Query, tcp: boolean): Outgoing {
  const { labels, recursionDesired, checkingDisabled, edns, bytes, questionEnd } = query;
  const question = Buffer.from(bytes.subarray(headerBytes, questionEnd));
  // Lengths are at most 63, which is no letter; type and class stay as they are.
  for (let at = 0; at < question.length - 4; at++) {
    const byte = question[at]!;
    if (byte >= 0x41 && byte <= 0x5a) question[at] = byte + 0x20;
  }
  return {
    question,
    labels,
    recursionDesired,
    checkingDisabled,
    hasEdns: edns !== undefined,
    dnssecOk: edns?.dnssecOk ?? false,
    tcp,
  };
}

function keyOf({ question, recursionDesired, checkingDisabled, dnssecOk, hasEdns }: Outgoing): string {
  const flags =
    Number(recursionDesired) | (Number(checkingDisabled) << 1) | (Number(dnssecOk) << 2) | (Number(hasEdns) << 3);
  return `${question.toString('latin1')}${flags}`;
}

function encode({ question, recursionDesired, checkingDisabled, hasEdns, dnssecOk }: Outgoing, id: number): Buffer {
  const message = Buffer.alloc(headerBytes + question.length + (hasEdns ? 11 : 0));
  message.writeUInt16BE(id, 0);
  message.writeUInt16BE((recursionDesired ? 0x0100 : 0) | (checkingDisabled ? 0x0010 : 0), 2);
  message.writeUInt16BE(1, 4);
  message.writeUInt16BE(hasEdns ? 1 : 0, 10);
  question.copy(message, headerBytes);
  if (!hasEdns) return message;
  const at = headerBytes + question.length;
  message.writeUInt16BE(41, at + 1);
  message.writeUInt16BE(maxUdpBytes, at + 3);
  message.writeUInt16BE(dnssecOk ? 0x8000 : 0, at + 7);
  return message;
}

/** With the id and the question, case and all, of whoever asked. */
function addressed(bytes: Buffer, query: Query): Buffer {
  bytes.writeUInt16BE(query.id, 0);
  query.bytes.copy(bytes, headerBytes, headerBytes, query.questionEnd);
  return bytes;
}
