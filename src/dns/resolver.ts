/**
 * One question in, one answer out: the cluster's names from the index, everything else from the forwarder. Answers about the cluster are made
 * at once; those that are the same for everybody are kept ready to send until the cluster changes.
 */
import packet from 'dns-packet';
import type { NetworkChange } from '../network/view.ts';
import type { ClusterZone, ZoneAnswer } from './cluster-zone.ts';
import type { Forwarder } from './forward/forwarder.ts';
import { maxAliases, maxReadyAnswers, maxTcpBytes } from './limits.ts';
import { type Labels, labelsOf } from './name.ts';
import { parseQuery, type Query, rcodes, types, udpLimit } from './query.ts';
import { type Answer, badVersion, type DnsRecord, encodeAnswer, encodeEmpty, encodeRefusal } from './response.ts';
import type { ServiceIndex } from './service-index.ts';

export interface ResolverOptions {
  readonly index: ServiceIndex;
  readonly zone: ClusterZone;
  readonly forwarder: Pick<Forwarder, 'answer'>;
  /** From 0 to 1: which of several addresses comes first. */
  readonly random: () => number;
}

export interface Transport {
  readonly tcp: boolean;
  /** A client that may not be who it seems to be gets nothing over UDP that is longer than its question: it is to come back over TCP. */
  readonly trusted: boolean;
}

export const answerKinds = ['cluster', 'forwarded', 'refused', 'dropped', 'failed'] as const;
export type AnswerKind = (typeof answerKinds)[number];

export class Resolver {
  readonly #options: ResolverOptions;
  /** By the question's bytes but for its id. */
  readonly #ready = new Map<string, Buffer>();
  readonly counts: Record<AnswerKind, number> = { cluster: 0, forwarded: 0, refused: 0, dropped: 0, failed: 0 };

  constructor(options: ResolverOptions) {
    this.#options = options;
  }

  apply(changes: readonly NetworkChange[]): void {
    this.#options.index.apply(changes);
    if (changes.some(({ resource }) => resource !== 'pods')) this.#ready.clear();
  }

  /** Undefined: nothing is answered. Any bytes may come. */
  handle(bytes: Buffer, transport: Transport): Buffer | undefined | Promise<Buffer | undefined> {
    const key = transport.tcp || !transport.trusted ? undefined : bytes.toString('latin1', 2);
    const ready = key === undefined ? undefined : this.#ready.get(key);
    if (ready) {
      this.counts.cluster++;
      const copy = Buffer.from(ready);
      copy[0] = bytes[0]!;
      copy[1] = bytes[1]!;
      return copy;
    }
    const parsed = parseQuery(bytes);
    if (parsed.kind === 'drop') {
      this.counts.dropped++;
      return undefined;
    }
    if (parsed.kind === 'refuse') {
      this.counts.refused++;
      return encodeRefusal(bytes, parsed.rcode);
    }
    const { query } = parsed;
    const refusal = refusalOf(query);
    if (refusal !== undefined) {
      this.counts.refused++;
      return encodeEmpty(query, refusal);
    }
    if (!transport.tcp && !transport.trusted) return encodeEmpty(query, rcodes.NOERROR, true);
    return this.#answer(query, transport, key);
  }

  #answer(query: Query, { tcp }: Transport, key: string | undefined): Buffer | Promise<Buffer> {
    const maxBytes = tcp ? maxTcpBytes : udpLimit(query.edns);
    // A long answer to a short question helps only whoever forges where it came from (RFC 8482).
    if (query.type === types.ANY) return encodeAnswer(query, minimal, maxBytes);
    const found = this.#options.zone.lookUp(query.labels, query.type);
    if (!found) return this.#forward(query, tcp, maxBytes);
    if (!this.#options.index.complete) {
      this.counts.failed++;
      return encodeEmpty(query, rcodes.SERVFAIL);
    }
    this.counts.cluster++;
    if (found.alias !== undefined && (query.type === types.A || query.type === types.AAAA))
      return this.#follow(query, tcp, found, maxBytes);
    const bytes = encodeAnswer(query, this.#complete(found, query.labels), maxBytes);
    if (key !== undefined && found.answers.length < 2) this.#keep(key, bytes);
    return bytes;
  }

  #complete(found: ZoneAnswer, labels: Labels): Answer {
    const { zone, random } = this.#options;
    const answers = rotated(found.answers, random);
    if (answers.length > 0) return { ...found, authoritative: true, answers };
    const isReverse = labels.at(-1) === 'arpa';
    return { ...found, authoritative: true, answers, authority: [zone.soa(isReverse ? undefined : zone.domain)] };
  }

  /** A CNAME, and what it leads to, within the cluster or outside. Clients in pods do not ask again for themselves. */
  async #follow(query: Query, tcp: boolean, first: ZoneAnswer, maxBytes: number): Promise<Buffer> {
    const { zone } = this.#options;
    const answers: DnsRecord[] = [...first.answers];
    let target = first.alias!;
    for (let hops = 0; hops < maxAliases; hops++) {
      const found = zone.lookUp(labelsOf(target), query.type);
      if (!found) {
        const outside = await this.#outside(target, query, tcp);
        return encodeAnswer(
          query,
          { rcode: outside.rcode, authoritative: true, answers: [...answers, ...outside.answers] },
          maxBytes,
        );
      }
      const owner = target;
      answers.push(...found.answers.map((record) => ({ ...record, name: record.name ?? owner })));
      if (found.alias === undefined) {
        return encodeAnswer(query, { rcode: found.rcode, authoritative: true, answers }, maxBytes);
      }
      target = found.alias;
    }
    return encodeEmpty(query, rcodes.SERVFAIL);
  }

  /** Asked as a question of its own; of the answer, addresses and the names that lead to them. */
  async #outside(name: string, query: Query, tcp: boolean): Promise<{ rcode: number; answers: DnsRecord[] }> {
    const type = query.type === types.AAAA ? 'AAAA' : 'A';
    const bytes = packet.encode({ type: 'query', flags: packet.RECURSION_DESIRED, questions: [{ type, name }] });
    const parsed = parseQuery(bytes);
    const answer = parsed.kind === 'query' ? await this.#options.forwarder.answer(parsed.query, tcp) : undefined;
    if (!answer) return { rcode: rcodes.SERVFAIL, answers: [] };
    const rcode = answer.readUInt16BE(2) & 0xf;
    try {
      const answers = (packet.decode(answer).answers ?? []).flatMap((record): DnsRecord[] =>
        record.type === 'A' || record.type === 'AAAA' || record.type === 'CNAME'
          ? [{ type: record.type, name: record.name, ttl: record.ttl ?? 0, data: record.data }]
          : [],
      );
      return { rcode, answers };
    } catch {
      // What another server sent does not hold together.
      return { rcode: rcodes.SERVFAIL, answers: [] };
    }
  }

  #forward(query: Query, tcp: boolean, maxBytes: number): Buffer | Promise<Buffer> {
    const finish = (answer: Buffer | undefined): Buffer => {
      if (!answer) {
        this.counts.failed++;
        return encodeEmpty(query, rcodes.SERVFAIL);
      }
      this.counts.forwarded++;
      if (answer.length <= maxBytes) return answer;
      return encodeEmpty(query, answer.readUInt16BE(2) & 0xf, true);
    };
    const answer = this.#options.forwarder.answer(query, tcp);
    return answer instanceof Promise ? answer.then(finish) : finish(answer);
  }

  #keep(key: string, bytes: Buffer): void {
    if (this.#ready.size >= maxReadyAnswers) this.#ready.delete(this.#ready.keys().next().value!);
    this.#ready.set(key, bytes);
  }
}

const minimal: Answer = {
  rcode: rcodes.NOERROR,
  authoritative: false,
  answers: [{ type: 'HINFO', ttl: 3_600, data: { cpu: 'RFC8482', os: '' } }],
};

function refusalOf(query: Query): number | undefined {
  if (query.edns && query.edns.version > 0) return badVersion;
  const isInternet = query.class === 1;
  return isInternet ? undefined : rcodes.REFUSED;
}

/** Clients take the first address: it is another one each time. */
function rotated(records: readonly DnsRecord[], random: () => number): readonly DnsRecord[] {
  if (records.length < 2) return records;
  const start = Math.floor(random() * records.length);
  return [...records.slice(start), ...records.slice(0, start)];
}
