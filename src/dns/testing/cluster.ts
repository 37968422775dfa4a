/** A small cluster for tests of names: what the view holds, and questions asked of a resolver as bytes. */
import packet, { type DecodedPacket, type RecordType } from 'dns-packet';
import type { TypedObject } from '../../api/types.ts';
import { NetworkView } from '../../network/view.ts';
import { ClusterZone } from '../cluster-zone.ts';
import type { Query } from '../query.ts';
import { Resolver, type Transport } from '../resolver.ts';
import { ServiceIndex } from '../service-index.ts';

let revision = 0;

export function object(
  namespace: string,
  name: string,
  rest: object,
  labels: Record<string, string> = {},
): TypedObject {
  return { metadata: { ...(namespace && { namespace }), name, labels, resourceVersion: String(++revision) }, ...rest };
}

export interface TestEndpoint {
  readonly ip: string;
  readonly hostname?: string;
  readonly ready?: boolean;
}

export function slice(
  service: string,
  endpoints: readonly TestEndpoint[],
  ports: readonly object[] = [],
  name = `${service}-1`,
) {
  return object(
    'default',
    name,
    {
      addressType: endpoints[0]?.ip.includes(':') ? 'IPv6' : 'IPv4',
      endpoints: endpoints.map(({ ip, hostname, ready = true }) => ({
        addresses: [ip],
        conditions: { ready },
        ...(hostname && { hostname }),
      })),
      ports,
    },
    { 'kubernetes.io/service-name': service },
  );
}

type Resource = 'namespaces' | 'services' | 'endpointslices' | 'nodes' | 'pods';
export type Told = readonly [Resource, TypedObject];

export interface TestForwarder {
  answer: Resolver['handle'] extends never
    ? never
    : (query: Pick<Query, 'bytes' | 'labels'>, tcp: boolean) => Buffer | Promise<Buffer | undefined>;
}

export class TestCluster {
  readonly view = new NetworkView();
  readonly resolver: Resolver;
  readonly forwarded: string[] = [];

  constructor(
    told: readonly Told[],
    options: { complete?: boolean; forwarder?: TestForwarder['answer']; random?: () => number } = {},
  ) {
    const index = new ServiceIndex(this.view);
    const zone = new ClusterZone({ domain: 'cluster.local', addresses: ['10.96.0.10'], index });
    const nobody: TestForwarder['answer'] = async () => undefined;
    const answer: TestForwarder['answer'] = (query, tcp) => {
      this.forwarded.push(query.labels.join('.'));
      return (options.forwarder ?? nobody)(query, tcp);
    };
    this.resolver = new Resolver({ index, zone, forwarder: { answer }, random: options.random ?? (() => 0) });
    this.view.subscribe((changes) => this.resolver.apply(changes));
    this.view.begin(true);
    this.tell(told, options.complete === false ? 0n : 1n);
  }

  tell(told: readonly Told[], at = BigInt(revision + 1)): void {
    this.view.apply(
      told.map(([resource, its]) => ({ resource, key: keyOf(its), object: its })),
      at,
    );
  }

  remove(resource: Resource, key: string): void {
    this.view.apply([{ resource, key, object: undefined }], BigInt(++revision));
  }

  async raw(bytes: Buffer, transport: Partial<Transport> = {}): Promise<Buffer | undefined> {
    return this.resolver.handle(bytes, { tcp: false, trusted: true, ...transport });
  }

  async ask(name: string, type: RecordType | 'ANY', transport: Partial<Transport> = {}): Promise<DecodedPacket> {
    const answer = await this.raw(question(name, type), transport);
    if (!answer) throw new Error('no answer');
    return packet.decode(answer);
  }

  /** The answer on one line: code, flags that are not usual, records. */
  async line(name: string, type: RecordType | 'ANY', transport: Partial<Transport> = {}): Promise<string> {
    return show(await this.ask(name, type, transport));
  }
}

export function question(name: string, type: RecordType | 'ANY', edns?: number): Buffer {
  return packet.encode({
    type: 'query',
    id: 7,
    flags: packet.RECURSION_DESIRED,
    questions: [{ type: type as RecordType, name }],
    ...(edns !== undefined && {
      additionals: [
        {
          type: 'OPT',
          name: '.',
          udpPayloadSize: edns,
          flags: 0,
          extendedRcode: 0,
          ednsVersion: 0,
          flag_do: false,
          options: [],
        },
      ],
    }),
  });
}

export function show(answer: DecodedPacket): string {
  const { rcode } = answer as DecodedPacket & { rcode: string };
  const flags = `${answer.flag_aa ? ' aa' : ''}${answer.flag_tc ? ' tc' : ''}`;
  const lines = (records: DecodedPacket['answers']) =>
    (records ?? [])
      .filter(({ type }) => type !== 'OPT')
      .map(line)
      .join(', ');
  const parts = [`${rcode}${flags}`, lines(answer.answers)];
  if (answer.authorities?.length) parts.push(`authority ${lines(answer.authorities)}`);
  const additional = lines(answer.additionals);
  if (additional) parts.push(`additional ${additional}`);
  return parts.filter((part) => part !== '').join(': ');
}

function line(record: NonNullable<DecodedPacket['answers']>[number]): string {
  const { name, type, data } = record as { name: string; type: string; data: unknown };
  if (type === 'SOA') return `${name} SOA`;
  if (type === 'SRV') {
    const { priority, weight, port, target } = data as {
      priority: number;
      weight: number;
      port: number;
      target: string;
    };
    return `${name} SRV ${priority} ${weight} ${port} ${target}`;
  }
  return `${name} ${type} ${Array.isArray(data) ? data.join(' ') : typeof data === 'object' ? JSON.stringify(data) : data}`;
}

function keyOf({ metadata }: TypedObject): string {
  return metadata?.namespace ? `${metadata.namespace}/${metadata.name}` : (metadata?.name ?? '');
}
