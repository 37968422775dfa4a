/** One ServiceCIDR's next step. Pure. */
import type { IPAddress, ServiceCIDR } from '../../api/generated/types/networking-v1.ts';
import { isInRange, usableRange } from '../../api/meta/address-range.ts';
import { timestampOf } from '../../api/meta/timestamp.ts';

export const finalizer = 'networking.k8s.io/service-cidr-finalizer';
/** Masters that have not heard of the deletion yet may still give out addresses of it. */
const graceMs = 10_000;
const readyMessage = 'Kubernetes Service CIDR is ready';
const blockedMessage =
  'There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR';

export type Step =
  | { readonly type: 'none' }
  | { readonly type: 'wait'; readonly ms: number }
  | { readonly type: 'write'; readonly range: ServiceCIDR; readonly subresource?: 'status' };

export function planServiceCidr(
  range: ServiceCIDR,
  all: readonly ServiceCIDR[],
  addresses: Iterable<IPAddress>,
  nowMs: number,
): Step {
  const finalizers = range.metadata?.finalizers ?? [];
  const deletedAt = range.metadata?.deletionTimestamp;
  if (!deletedAt) {
    if (!finalizers.includes(finalizer)) return withFinalizers(range, [...finalizers, finalizer]);
    return withCondition(range, { status: 'True', reason: '', message: readyMessage }, nowMs);
  }
  if (!finalizers.includes(finalizer)) return { type: 'none' };
  if (isNeeded(range, all, addresses)) {
    return withCondition(range, { status: 'False', reason: 'Terminating', message: blockedMessage }, nowMs);
  }
  const remainingMs = Date.parse(deletedAt as unknown as string) + graceMs - nowMs;
  if (remainingMs > 0) return { type: 'wait', ms: remainingMs };
  return withFinalizers(
    range,
    finalizers.filter((other) => other !== finalizer),
  );
}

/** Some address lies in it and in no other range that stays. */
function isNeeded(range: ServiceCIDR, all: readonly ServiceCIDR[], addresses: Iterable<IPAddress>): boolean {
  const rangesOf = ({ spec }: ServiceCIDR) => (spec?.cidrs ?? []).map(usableRange).filter((one) => one !== undefined);
  const own = rangesOf(range);
  const others = all
    .filter(({ metadata }) => metadata?.name !== range.metadata?.name && !metadata?.deletionTimestamp)
    .flatMap(rangesOf);
  for (const { metadata } of addresses) {
    const address = metadata?.name ?? '';
    if (own.some((one) => isInRange(one, address)) && !others.some((one) => isInRange(one, address))) return true;
  }
  return false;
}

function withFinalizers(range: ServiceCIDR, finalizers: string[]): Step {
  return { type: 'write', range: { ...range, metadata: { ...range.metadata, finalizers } } };
}

function withCondition(
  range: ServiceCIDR,
  wanted: { status: 'True' | 'False'; reason: string; message: string },
  nowMs: number,
): Step {
  const conditions = range.status?.conditions ?? [];
  const present = conditions.find(({ type }) => type === 'Ready');
  if (present?.status === wanted.status && (present.reason ?? '') === wanted.reason) return { type: 'none' };
  const ready = { type: 'Ready', ...wanted, lastTransitionTime: timestampOf(nowMs) };
  const others = conditions.filter(({ type }) => type !== 'Ready');
  return { type: 'write', range: { ...range, status: { conditions: [...others, ready] } }, subresource: 'status' };
}
