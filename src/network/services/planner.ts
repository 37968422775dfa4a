/**
 * The tables of a node from its view of the cluster. Keeps what each Service contributes, so that a change costs as much as the Services that
 * it touches. No effects: what comes in decides what comes out.
 */
import type { Service } from '../../api/generated/types/core-v1.ts';
import type { EndpointSlice } from '../../api/generated/types/discovery-v1.ts';
import type { Table } from '../nftables/index.ts';
import { backendsOf, type Place } from './backends.ts';
import { type Contribution, contribution, nothing } from './contribution.ts';
import { type FrontKind, frontsOf, type IpFamily, isProxied } from './fronts.ts';
import { TablePlanner } from './table.ts';

export interface PlannerInput {
  readonly services: ReadonlyMap<string, Service>;
  readonly endpointSlices: ReadonlyMap<string, EndpointSlice>;
}

export interface PlannerPlace extends Place {
  readonly podRanges: readonly string[];
}

/** A UDP flow to `front` that ends anywhere but at `kept` is stale. */
export interface StaleFlows {
  readonly kind: FrontKind;
  readonly front: string;
  readonly gone: readonly string[];
  /** There was no endpoint before: flows that were let through without one are stale as well. */
  readonly wasEmpty: boolean;
}

export interface Plan {
  readonly tables: readonly Table[];
  readonly staleFlows: readonly StaleFlows[];
}

export interface HealthCheck {
  readonly namespace: string;
  readonly name: string;
  readonly localEndpoints: number;
}

const families = ['IPv4', 'IPv6'] as const;
const serviceLabel = 'kubernetes.io/service-name';

export function serviceOfSlice({ metadata }: EndpointSlice): string | undefined {
  const name = metadata?.labels?.[serviceLabel];
  return name === undefined ? undefined : `${metadata?.namespace}/${name}`;
}

export class ServicePlanner {
  readonly #ownDns: ReadonlySet<string>;
  readonly #families = families.map((family) => new FamilyPlanner(family));
  readonly #slices = new Map<string, Set<string>>();
  readonly #dirty = new Set<string>();
  #place: PlannerPlace = { node: '', zone: undefined, podRanges: [] };

  /** `ownDns`: addresses of Services at which the node itself answers; they are left alone. */
  constructor(ownDns: Iterable<string> = []) {
    this.#ownDns = new Set(ownDns);
  }

  serviceChanged(key: string): void {
    this.#dirty.add(key);
  }

  sliceChanged(key: string, old: EndpointSlice | undefined, slice: EndpointSlice | undefined): void {
    const [before, now] = [old, slice].map((one) => one && serviceOfSlice(one));
    if (before !== undefined && before !== now) this.#slices.get(before)?.delete(key);
    if (before !== undefined) this.#dirty.add(before);
    if (now === undefined) return;
    this.#slices.set(now, (this.#slices.get(now) ?? new Set()).add(key));
    this.#dirty.add(now);
  }

  /** Where this node is and which addresses its pods have. */
  moved(place: PlannerPlace, services: Iterable<string>): void {
    const { node, zone } = this.#place;
    if (place.node !== node || place.zone !== zone) for (const key of services) this.#dirty.add(key);
    this.#place = place;
  }

  plan(input: PlannerInput): Plan {
    const staleFlows: StaleFlows[] = [];
    const dirty = [...this.#dirty];
    this.#dirty.clear();
    for (const key of dirty) if (this.#slices.get(key)?.size === 0) this.#slices.delete(key);
    const subject = (key: string) => ({
      service: input.services.get(key),
      slices: [...(this.#slices.get(key) ?? [])].flatMap((slice) => input.endpointSlices.get(slice) ?? []),
    });
    const tables = this.#families.flatMap((family) => {
      staleFlows.push(...family.update(dirty, subject, this.#place, this.#ownDns));
      return family.table(this.#place.podRanges) ?? [];
    });
    return { tables, staleFlows };
  }

  /** Ports at which balancers ask whether this node has endpoints of a Service. */
  healthChecks(input: PlannerInput): Map<number, HealthCheck> {
    const checks = new Map<number, HealthCheck>();
    for (const [key, service] of input.services) {
      const { healthCheckNodePort, ports = [], ipFamilies = ['IPv4'] } = service.spec ?? {};
      if (!healthCheckNodePort || service.spec?.externalTrafficPolicy !== 'Local') continue;
      const slices = [...(this.#slices.get(key) ?? [])].flatMap((slice) => input.endpointSlices.get(slice) ?? []);
      const family = ipFamilies[0] === 'IPv6' ? 'IPv6' : 'IPv4';
      const counts = ports.map((port) => backendsOf(service, port, slices, family, this.#place).localReady);
      const { namespace = '', name = '' } = service.metadata ?? {};
      checks.set(healthCheckNodePort, { namespace, name, localEndpoints: Math.max(0, ...counts) });
    }
    return checks;
  }
}

type Subject = { readonly service: Service | undefined; readonly slices: readonly EndpointSlice[] };

class FamilyPlanner {
  readonly #family: IpFamily;
  readonly #tables: TablePlanner;
  readonly #contributions = new Map<string, Contribution>();
  /** Who claims a front, oldest first: two Services may name the same external address. */
  readonly #claims = new Map<string, { key: string; since: string }[]>();
  readonly #fronts = new Map<string, readonly string[]>();
  #isUsed = false;

  constructor(family: IpFamily) {
    this.#family = family;
    this.#tables = new TablePlanner(family);
  }

  update(
    dirty: readonly string[],
    subject: (key: string) => Subject,
    place: Place,
    ownDns: ReadonlySet<string>,
  ): StaleFlows[] {
    const affected = new Set(dirty);
    for (const key of dirty) for (const other of this.#claim(key, subject(key).service)) affected.add(other);
    const stale: StaleFlows[] = [];
    for (const key of affected) {
      const { service, slices } = subject(key);
      const before = this.#contributions.get(key);
      const lost = new Set((this.#fronts.get(key) ?? []).filter((front) => this.#claims.get(front)![0]!.key !== key));
      const family = this.#family;
      const next = service ? contribution({ service, slices, family, place, lost, before, ownDns }) : nothing;
      if (next === nothing) this.#contributions.delete(key);
      else this.#contributions.set(key, unchangedParts(next, before));
      stale.push(...staleFlows(before, next));
    }
    return stale;
  }

  /** Undefined until a Service of this family has been seen. */
  table(ownPods: readonly string[]): Table | undefined {
    this.#isUsed ||= this.#contributions.size > 0;
    if (!this.#isUsed) return undefined;
    const own = ownPods.filter((range) => range.includes(':') === (this.#family === 'IPv6'));
    return this.#tables.table({ contributions: this.#contributions, ownPods: own });
  }

  /** Returns the others whose claims count now, or do not count any more. */
  #claim(key: string, service: Service | undefined): string[] {
    const fronts = service && isProxied(service) ? frontsOf(service, this.#family).map((front) => front.key) : [];
    const touched: string[] = [];
    const since = String(service?.metadata?.creationTimestamp ?? '');
    const old = this.#fronts.get(key) ?? [];
    for (const front of old) {
      const left = this.#claims.get(front)!.filter((claim) => claim.key !== key);
      if (left.length === 0) this.#claims.delete(front);
      else {
        this.#claims.set(front, left);
        touched.push(left[0]!.key);
      }
    }
    for (const front of new Set(fronts)) {
      const claims = [...(this.#claims.get(front) ?? []), { key, since }];
      claims.sort((a, b) => (a.since === b.since ? (a.key < b.key ? -1 : 1) : a.since < b.since ? -1 : 1));
      this.#claims.set(front, claims);
      if (claims.length > 1) touched.push(...claims.map((claim) => claim.key));
    }
    if (fronts.length > 0) this.#fronts.set(key, [...new Set(fronts)]);
    else this.#fronts.delete(key);
    return touched.filter((other) => other !== key);
  }
}

/** Parts with equal content stay the same object, which whoever compares tables looks at first. */
function unchangedParts(next: Contribution, before: Contribution | undefined): Contribution {
  if (!before) return next;
  const elements = new Map(next.elements);
  for (const [name, part] of elements) {
    const old = before.elements.get(name);
    if (old && old.size === part.size && [...part].every(([key, value]) => old.get(key) === value))
      elements.set(name, old);
  }
  return { ...next, elements };
}

function staleFlows(before: Contribution | undefined, next: Contribution): StaleFlows[] {
  const now = new Map(next.udp.map(({ front, backends }) => [front.key, { kind: front.kind, backends }]));
  const old = new Map((before?.udp ?? []).map(({ front, backends }) => [front.key, { kind: front.kind, backends }]));
  const stale: StaleFlows[] = [];
  for (const [front, { kind, backends }] of old) {
    const kept = new Set(now.get(front)?.backends);
    const gone = backends.filter((backend) => !kept.has(backend));
    if (gone.length > 0) stale.push({ kind, front, gone, wasEmpty: false });
  }
  for (const [front, { kind, backends }] of now)
    if (backends.length > 0 && (old.get(front)?.backends.length ?? 0) === 0)
      stale.push({ kind, front, gone: [], wasEmpty: true });
  return stale;
}
