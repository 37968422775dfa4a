/** What masters say about themselves, from each one's own `/debug/status` (the load balancer would hide which one answers). */
import { readFileSync } from 'node:fs';
import { HttpsTransport } from '../../client/https-transport.ts';
import { PkiDirectory } from '../../pki/pki-directory.ts';
import type { ClusterPaths } from '../cluster/paths.ts';
import { type Cluster, endpoint, type Member, membersOfKind } from '../cluster/topology.ts';

export interface MasterStatus {
  readonly name: string;
  readonly memberId: number;
  readonly role: 'leader' | 'follower' | 'candidate' | string;
  readonly leaderId: number;
  readonly term: number;
  readonly appliedIndex: number;
  readonly commitIndex: number;
  readonly revision: number;
  readonly stateHash?: string;
  readonly voters?: readonly number[];
  /** Why it does not serve. */
  readonly problem?: string;
  /** What it knows to be wrong with others, by member id. */
  readonly problems?: Readonly<Record<string, string>>;
}

const timeoutMs = 1_500;
/** Longer than a leader that has lost its followers takes to notice. */
const linearizableTimeoutMs = 4_000;

/** Keeps one connection per master; the caller closes it. */
export class MasterStatusClient {
  readonly #masters: readonly Member[];
  readonly #transports: ReadonlyMap<string, HttpsTransport>;

  constructor(cluster: Cluster, paths: ClusterPaths) {
    const files = new PkiDirectory(paths.pkiDir).files('admin');
    const [ca, cert, key] = [files.caFile, files.certFile, files.keyFile].map((file) => readFileSync(file, 'utf8'));
    this.#masters = membersOfKind(cluster, 'master');
    this.#transports = new Map(
      this.#masters.map((master) => [
        master.name,
        new HttpsTransport({ server: `https://${endpoint(master, 'api')}`, ca, cert, key, namespace: 'default' }),
      ]),
    );
  }

  /** Undefined for a master that does not answer. */
  async ask(master: string): Promise<MasterStatus | undefined> {
    try {
      const body = await this.#transports.get(master)!.send({ method: 'GET', path: '/debug/status', timeoutMs });
      return JSON.parse(body.toString('utf8')) as MasterStatus;
    } catch {
      // Down, starting, paused or cut off: for the one who asks it is all the same.
      return undefined;
    }
  }

  async askAll(): Promise<Map<string, MasterStatus>> {
    const answers = await Promise.all(this.#masters.map(async ({ name }) => [name, await this.ask(name)] as const));
    return new Map(answers.filter((entry): entry is [string, MasterStatus] => entry[1] !== undefined));
  }

  /** Whether a majority still stands behind what this master says: a read that only a leader with its followers can answer. */
  async servesReads(master: string): Promise<boolean> {
    const path = '/api/v1/namespaces?limit=1';
    try {
      await this.#transports.get(master)!.send({ method: 'GET', path, timeoutMs: linearizableTimeoutMs });
      return true;
    } catch {
      return false;
    }
  }

  close(): void {
    for (const transport of this.#transports.values()) transport.close();
  }
}

/** The leader, by what the masters say: of several that think so, the one with the highest term. */
export function leaderOf(statuses: Iterable<MasterStatus>): MasterStatus | undefined {
  const leaders = [...statuses].filter((status) => status.role === 'leader');
  return leaders.sort((a, b) => b.term - a.term)[0];
}
