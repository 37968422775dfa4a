/**
 * What one Service adds to the tables of a node. Pure.
 *
 * Most Services add elements only: `service-ips` says which of a few shared chains a front's packets go to, by the number of its endpoints, and that
 * chain draws a number and looks the endpoint up under (front, number) in `endpoints-tcp`. So a table has as many chains for 10,000 Services
 * as for one, and one endpoint's change is a few elements. Services with session affinity or source ranges get chains of their own.
 */
import { createHash } from 'node:crypto';
import type { Service } from '../../api/generated/types/core-v1.ts';
import type { EndpointSlice } from '../../api/generated/types/discovery-v1.ts';
import type { Chain, NftSet } from '../nftables/index.ts';
import { arrange } from './arrange.ts';
import { type Backend, backendsOf, type Place } from './backends.ts';
import { type Front, frontsOf, type IpFamily, isProxied } from './fronts.ts';
import { endpointMap, localOffset, markForMasquerade, type Protocol, sharedChainName, words } from './rules.ts';

export interface Contribution {
  /** By set: elements of this Service. */
  readonly elements: ReadonlyMap<string, ReadonlyMap<string, string>>;
  readonly chains: ReadonlyMap<string, Chain>;
  readonly sets: ReadonlyMap<string, NftSet>;
  /** Names of the shared chains that its elements go to. */
  readonly shared: ReadonlySet<string>;
  /** How its endpoints are numbered; the next plan keeps to it. */
  readonly order: ReadonlyMap<string, readonly string[]>;
  /** Fronts of UDP and what is behind them: flows to others are stale. */
  readonly udp: readonly { readonly front: Front; readonly backends: readonly string[] }[];
}

export interface Subject {
  readonly service: Service;
  readonly slices: readonly EndpointSlice[];
  readonly family: IpFamily;
  readonly place: Place;
  /** Fronts that an older Service has. */
  readonly lost: ReadonlySet<string>;
  readonly before: Contribution | undefined;
  /** Addresses of Services at which the node itself answers. */
  readonly ownDns: ReadonlySet<string>;
}

export const nothing: Contribution = {
  elements: new Map(),
  chains: new Map(),
  sets: new Map(),
  shared: new Set(),
  order: new Map(),
  udp: [],
};

export function contribution(subject: Subject): Contribution {
  const { service, family, lost, ownDns } = subject;
  if (!isProxied(service)) return nothing;
  const fronts = frontsOf(service, family).filter(({ key }) => !lost.has(key) && !ownDns.has(key.split(' . ')[0]!));
  if (fronts.length === 0) return nothing;
  return new Builder(subject).build(fronts);
}

class Builder {
  readonly #subject: Subject;
  readonly #elements = new Map<string, Map<string, string>>();
  readonly #chains = new Map<string, Chain>();
  readonly #sets = new Map<string, NftSet>();
  readonly #shared = new Set<string>();
  readonly #order = new Map<string, readonly string[]>();
  readonly #udp: { front: Front; backends: readonly string[] }[] = [];

  constructor(subject: Subject) {
    this.#subject = subject;
  }

  build(fronts: readonly Front[]): Contribution {
    const { service, slices, family, place } = this.#subject;
    for (const port of service.spec?.ports ?? []) {
      const own = fronts.filter((front) => front.port === port);
      if (own.length === 0) continue;
      const backends = backendsOf(service, port, slices, family, place);
      const id = `${port.protocol ?? 'TCP'}/${port.name ?? ''}/${port.port}`;
      const cluster = this.#arranged(`cluster ${id}`, backends.cluster);
      const local = this.#arranged(`local ${id}`, backends.local);
      for (const { address, isLocal } of [...backends.cluster, ...backends.local])
        if (isLocal) this.#add('hairpin', `${address} . ${address}`, '');
      for (const front of own) {
        if (front.kind === 'cluster') this.#add('cluster-ips', front.key.split(' . ')[0]!, '');
        this.#front(front, cluster, local, backends.anywhere);
        this.#firewall(front);
        if (port.protocol === 'UDP') this.#udp.push({ front, backends: [...new Set([...cluster, ...local])] });
      }
    }
    return {
      elements: this.#elements,
      chains: this.#chains,
      sets: this.#sets,
      shared: this.#shared,
      order: this.#order,
      udp: this.#udp,
    };
  }

  #add(set: string, key: string, value: string): void {
    const elements = this.#elements.get(set) ?? new Map<string, string>();
    this.#elements.set(set, elements.set(key, value));
  }

  #arranged(id: string, backends: readonly Backend[]): readonly string[] {
    const wanted = backends.map(({ address, port }) => `${address} . ${port}`);
    const before = this.#subject.before?.order.get(id);
    const order = arrange(before ?? [], before ? wanted : wanted.sort());
    this.#order.set(id, order);
    return order;
  }

  #front(front: Front, cluster: readonly string[], local: readonly string[], anywhere: boolean): void {
    const { spec } = this.#subject.service;
    const isInside = front.kind === 'cluster';
    const policy = (isInside ? spec?.internalTrafficPolicy : spec?.externalTrafficPolicy) ?? 'Cluster';
    const isNodePort = front.kind === 'nodePort';
    const [fronts, refused] = isNodePort
      ? ['service-nodeports', 'no-endpoint-nodeports']
      : ['service-ips', 'no-endpoint-services'];
    if (!anywhere) {
      this.#add(refused, front.key, 'goto reject-it');
      return;
    }
    // Traffic that may leave the node needs the cluster's; inside with the policy Local nothing may.
    const usesLocal = policy === 'Local';
    if (isInside && usesLocal && local.length === 0) {
      this.#add(refused, front.key, 'drop');
      return;
    }
    if (spec?.sessionAffinity === 'ClientIP') {
      this.#add(fronts, front.key, `goto ${this.#affinityFront(front, usesLocal, cluster, local)}`);
      return;
    }
    const counts = isInside
      ? { cluster: usesLocal ? 0 : cluster.length, local: usesLocal ? local.length : 0 }
      : { cluster: cluster.length, local: local.length };
    const protocol = (front.port.protocol ?? 'TCP').toLowerCase() as Protocol;
    const entrance = isInside ? 'inside' : isNodePort ? 'nodeport' : 'outside';
    const name = sharedChainName(entrance, protocol, usesLocal, counts);
    this.#shared.add(name);
    this.#add(fronts, front.key, `goto ${name}`);
    const lookup = endpointMap(isNodePort, protocol);
    if (counts.cluster > 0) this.#number(lookup, front, cluster, 0);
    if (usesLocal) this.#number(lookup, front, local, localOffset);
  }

  #number(set: string, front: Front, backends: readonly string[], from: number): void {
    // Without the protocol, which the map is for.
    const key = front.key.replace(/(?:^| \. )(?:tcp|udp|sctp) \. /, (found) => (found.startsWith(' ') ? ' . ' : ''));
    for (const [i, backend] of backends.entries()) this.#add(set, `${key} . ${from + i}`, backend);
  }

  #firewall(front: Front): void {
    const { spec } = this.#subject.service;
    const isIpv6 = this.#subject.family === 'IPv6';
    const ranges = (spec?.loadBalancerSourceRanges ?? [])
      .map((range) => range.trim())
      .filter((range) => range.includes(':') === isIpv6);
    if (front.kind !== 'balancer' || ranges.length === 0) return;
    const name = `firewall-${this.#id(front.key)}`;
    const { ip } = words(this.#subject.family);
    // The balancer's own address: a pod of the node that comes back to itself through it.
    const allowed = [...new Set([...ranges, front.key.split(' . ')[0]!])].sort();
    this.#chains.set(name, {
      rules: [...allowed.map((range) => `${ip} saddr ${range} return`), 'drop'],
    });
    this.#add('firewall-ips', front.key, `goto ${name}`);
  }

  /** Clients return to the endpoint that they had, for as long as the Service says. */
  #affinityFront(front: Front, usesLocal: boolean, cluster: readonly string[], local: readonly string[]): string {
    const isInside = front.kind === 'cluster';
    const { ip } = words(this.#subject.family);
    const all = isInside && usesLocal ? undefined : this.#affinity(front, 'cluster', cluster);
    const near = usesLocal ? this.#affinity(front, 'local', local) : undefined;
    const name = `${isInside ? 'inside' : front.kind === 'nodePort' ? 'nodeport' : 'outside'}-${this.#id(front.port)}`;
    const rules = isInside
      ? [`${ip} saddr != @own-pods ${markForMasquerade}`, `goto ${near ?? all}`]
      : near !== undefined || usesLocal
        ? [
            `${ip} saddr @own-pods goto ${all}`,
            `fib saddr type local ${markForMasquerade} goto ${all}`,
            local.length > 0 ? `goto ${near}` : 'drop',
          ]
        : [markForMasquerade, `goto ${all}`];
    this.#chains.set(name, { rules });
    return name;
  }

  #affinity(front: Front, scope: string, backends: readonly string[]): string {
    const { service, family } = this.#subject;
    const { ip, address } = words(family);
    const protocol = (front.port.protocol ?? 'TCP').toLowerCase();
    const timeoutSeconds = service.spec?.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? 10_800;
    const name = `affinity-${scope}-${this.#id(front.port)}`;
    if (this.#chains.has(name)) return name;
    const targets = backends.map((backend) => {
      const id = this.#id(front.port, backend);
      const set = `clients-${id}`;
      const chain = `endpoint-${id}`;
      this.#sets.set(set, {
        kind: 'set',
        type: `type ${address}`,
        flags: ['dynamic', 'timeout'],
        timeoutSeconds,
        elements: new Map(),
      });
      const target = backend.split(' . ');
      const destination = family === 'IPv6' ? `[${target[0]}]:${target[1]}` : target.join(':');
      this.#chains.set(chain, {
        rules: [`update @${set} { ${ip} saddr }`, `meta l4proto ${protocol} dnat to ${destination}`],
      });
      return { set, chain };
    });
    const draw = targets.map(({ chain }, i) => `${i} : goto ${chain}`).join(', ');
    this.#chains.set(name, {
      rules: [
        ...targets.map(({ set, chain }) => `${ip} saddr @${set} goto ${chain}`),
        ...(targets.length > 0 ? [`numgen random mod ${targets.length} vmap { ${draw} }`] : ['drop']),
      ],
    });
    return name;
  }

  /** A short name that differs for everything that differs; deterministic. */
  #id(of: Front['port'] | string, more = ''): string {
    const { namespace, name } = this.#subject.service.metadata ?? {};
    const what = typeof of === 'string' ? of : `${of.protocol ?? 'TCP'}/${of.port}`;
    return createHash('sha256').update(`${namespace}/${name} ${what} ${more}`).digest('hex').slice(0, 16);
  }
}
