/**
 * LimitRanges of a namespace (Kubernetes, "LimitRanger"): new pods are given the default requests and limits of their containers, and must
 * keep within the bounds; so must new claims. What this replica knows of LimitRanges decides, which may be a moment behind.
 */
import type { Quantity } from '../../api/generated/types/apimachinery.ts';
import type {
  Container,
  LimitRange,
  LimitRangeItem,
  PersistentVolumeClaim,
  Pod,
} from '../../api/generated/types/core-v1.ts';
import { addQuantities, compareQuantities, formatQuantity, parseQuantity } from '../../api/meta/quantity.ts';
import { resources } from '../../api/types.ts';
import type { Store } from '../../store/types.ts';
import { forbidden } from '../errors.ts';
import { collectionRange } from '../keys.ts';
import { decodeShared, recordOf } from '../object-record.ts';
import { concerns, isAbout, objectOf } from './scope.ts';
import type { AdmissionPlugin, AdmissionRequest, AdmissionScope } from './types.ts';

type Amounts = Readonly<Record<string, string>>;
interface Resources {
  readonly requests: Amounts;
  readonly limits: Amounts;
}

const annotation = 'kubernetes.io/limit-ranger';
const persistentVolumeClaims = { group: '', resource: 'persistentvolumeclaims' };
const limitRanges = { group: '', resource: 'limitranges' };

export function limitRanger(store: Pick<Store, 'range'>): AdmissionPlugin {
  const itemsIn = ({ namespace }: AdmissionRequest): LimitRangeItem[] => {
    if (namespace === undefined) return [];
    const found = store.range(collectionRange(limitRanges, namespace)).items;
    return found.flatMap((item) => (decodeShared(recordOf(item)) as LimitRange).spec?.limits ?? []);
  };
  const pods = concerns(resources.pods, 'CREATE');
  const claims = concerns(persistentVolumeClaims, 'CREATE', 'UPDATE');
  return {
    name: 'LimitRanger',
    handles: (scope) => pods.handles(scope) || claims.handles(scope) || isResize(scope),
    mutate(request) {
      const items = pods.handles(request) ? itemsIn(request) : [];
      if (items.length > 0) complete(objectOf<Pod>(request), items);
    },
    validate(request) {
      const items = itemsIn(request);
      if (items.length === 0) return;
      const wrong = isAbout(request, resources.pods)
        ? podViolations(objectOf<Pod>(request), items)
        : claimViolations(objectOf<PersistentVolumeClaim>(request), items);
      const [first] = wrong;
      if (first === undefined) return;
      throw forbidden(request.definition, request.name, wrong.length === 1 ? first : `[${wrong.join(', ')}]`);
    },
  };
}

function isResize(scope: AdmissionScope): boolean {
  return isAbout(scope, resources.pods) && scope.operation === 'UPDATE' && scope.subresource === 'resize';
}

/** In place. The annotation tells what was set, as upstream's. */
function complete(pod: Pod, items: readonly LimitRangeItem[]): void {
  const forContainers = items.filter(({ type }) => type === 'Container');
  const requests: Amounts = Object.assign({}, ...forContainers.map((item) => item.defaultRequest));
  const limits: Amounts = Object.assign({}, ...forContainers.map((item) => item.default));
  const told: string[] = [];
  const completeOne = (container: Container, what: string) => {
    for (const [field, defaults] of Object.entries({ requests, limits }) as ['requests' | 'limits', Amounts][]) {
      const given = container.resources?.[field] ?? {};
      const missing = Object.keys(defaults).filter((resource) => !Object.hasOwn(given, resource));
      if (missing.length === 0) continue;
      container.resources = { ...container.resources, [field]: { ...defaults, ...given } };
      told.push(`${missing.sort().join(', ')} ${field.slice(0, -1)} for ${what} ${container.name}`);
    }
  };
  for (const container of pod.spec?.containers ?? []) completeOne(container, 'container');
  for (const container of pod.spec?.initContainers ?? []) completeOne(container, 'init container');
  if (told.length === 0) return;
  pod.metadata ??= {};
  pod.metadata.annotations = {
    ...pod.metadata.annotations,
    [annotation]: `LimitRanger plugin set: ${told.join('; ')}`,
  };
}

function podViolations(pod: Pod, items: readonly LimitRangeItem[]): string[] {
  const containers = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])].map(resourcesOf);
  const whole = { requests: total(pod, 'requests'), limits: total(pod, 'limits') };
  return items.flatMap((item) => {
    if (item.type === 'Container') return containers.flatMap((resources) => violations(item, resources));
    return item.type === 'Pod' ? violations(item, whole) : [];
  });
}

/** Only what is requested counts: claims have no defaults, and their limits mean nothing. */
function claimViolations(claim: PersistentVolumeClaim, items: readonly LimitRangeItem[]): string[] {
  const requests = amountsOf(claim.spec?.resources?.requests);
  return items
    .filter(({ type }) => type === 'PersistentVolumeClaim')
    .flatMap((item) => [
      ...bounds(item, 'min', requests, ['request', requests]),
      ...bounds(item, 'max', requests, ['request', requests]),
    ]);
}

function resourcesOf({ resources }: Container): Resources {
  return { requests: amountsOf(resources?.requests), limits: amountsOf(resources?.limits) };
}

/** Decoding has made every quantity a text, in canonical form. */
function amountsOf(quantities: Readonly<Record<string, Quantity>> | undefined): Amounts {
  return (quantities ?? {}) as Amounts;
}

/** Of all containers that run together; an init container that runs before them counts if it alone is more. */
function total(pod: Pod, field: keyof Resources): Amounts {
  let running: Amounts = {};
  let largestInit: Amounts = {};
  for (const container of pod.spec?.initContainers ?? []) {
    const own = resourcesOf(container)[field];
    if (container.restartPolicy === 'Always') running = merge(running, own, add);
    largestInit = merge(largestInit, container.restartPolicy === 'Always' ? running : merge(running, own, add), larger);
  }
  for (const container of pod.spec?.containers ?? []) running = merge(running, resourcesOf(container)[field], add);
  return merge(running, largestInit, larger);
}

function merge(a: Amounts, b: Amounts, combine: (a: string, b: string) => string): Amounts {
  const merged: Record<string, string> = { ...a };
  for (const [resource, amount] of Object.entries(b)) {
    const before = merged[resource];
    merged[resource] = before === undefined ? amount : combine(before, amount);
  }
  return merged;
}

function add(a: string, b: string): string {
  return formatQuantity(addQuantities(parseQuantity(a), parseQuantity(b)));
}

function larger(a: string, b: string): string {
  return compare(a, b) < 0 ? b : a;
}

function compare(a: string, b: string): number {
  return compareQuantities(parseQuantity(a), parseQuantity(b));
}

function violations(item: LimitRangeItem, { requests, limits }: Resources): string[] {
  return [
    ...bounds(item, 'min', limits, ['request', requests]),
    ...bounds(item, 'max', requests, ['limit', limits]),
    ...Object.entries(amountsOf(item.maxLimitRequestRatio)).flatMap(([resource, max]) =>
      ratioViolations(item.type, resource, max, requests[resource], limits[resource]),
    ),
  ];
}

/** `must` has to be given and keep the bound; `other`, if given. */
function bounds(item: LimitRangeItem, bound: 'min' | 'max', other: Amounts, must: [string, Amounts]): string[] {
  const [name, amounts] = must;
  const otherName = name === 'request' ? 'limit' : 'request';
  const breaks = (amount: string, enforced: string) =>
    bound === 'min' ? compare(amount, enforced) < 0 : compare(amount, enforced) > 0;
  return Object.entries(amountsOf(item[bound])).flatMap(([resource, enforced]) => {
    const start = `${bound}imum ${resource} usage per ${item.type} is ${enforced}`;
    const [amount, second] = [amounts[resource], other[resource]];
    if (amount === undefined) return [`${start}.  No ${name} is specified`];
    if (breaks(amount, enforced)) return [`${start}, but ${name} is ${amount}`];
    if (second !== undefined && breaks(second, enforced)) return [`${start}, but ${otherName} is ${second}`];
    return [];
  });
}

function ratioViolations(
  type: string,
  resource: string,
  max: string,
  request: string | undefined,
  limit: string | undefined,
): string[] {
  const start = `${resource} max limit to request ratio per ${type} is ${max}`;
  const asked = request === undefined ? 0 : Number(parseQuantity(request).nanos);
  const allowed = limit === undefined ? 0 : Number(parseQuantity(limit).nanos);
  if (asked === 0) return [`${start}, but no request is specified or request is 0`];
  if (allowed === 0) return [`${start}, but no limit is specified or limit is 0`];
  const ratio = allowed / asked;
  const most = Number(parseQuantity(max).nanos) / 1e9;
  return ratio > most ? [`${start}, but provided ratio is ${ratio.toFixed(6)}`] : [];
}
