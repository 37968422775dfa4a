/** What a write adds to the quotas of its namespace, or why it may not. Pure: the caller sees to it that the quotas are those that the write is decided by. */
import type { ResourceQuota } from '../generated/types/core-v1.ts';
import { compareQuantities } from '../meta/quantity.ts';
import type { KubernetesObject } from '../types.ts';
import { type Amounts, add, describeAmounts, formatAmounts, growth, mask, parseAmounts, zero } from './amounts.ts';
import type { Evaluator, QuotaWrite } from './evaluator.ts';
import { scopesOf } from './scopes.ts';

export class QuotaRefusal extends Error {}

export interface ChargedQuota {
  readonly quota: ResourceQuota;
  /** Its new `status.used`. */
  readonly used: Readonly<Record<string, string>>;
}

/** Whether objects like this one are measured by the quota. */
export function quotaMatches(quota: ResourceQuota, evaluator: Evaluator, object: KubernetesObject): boolean {
  const names = Object.keys(quota.status?.hard ?? quota.spec?.hard ?? {});
  return names.some(evaluator.counts) && scopesOf(quota).every((selector) => evaluator.inScope(selector, object));
}

/** The quotas that change. @throws QuotaRefusal */
export function planCharge(
  quotas: readonly ResourceQuota[],
  evaluator: Evaluator,
  write: QuotaWrite,
  nowMs: number,
): ChargedQuota[] {
  const { object, old, subresource } = write;
  const matching = quotas.filter((quota) => quota.status?.hard && quotaMatches(quota, evaluator, object));
  for (const quota of matching) checkMeasurable(quota, evaluator, object);
  if (matching.length === 0) return [];
  const usage = evaluator.usage(object, nowMs);
  const negative = Object.keys(usage).filter((name) => usage[name]!.nanos < 0n);
  if (negative.length > 0) {
    throw new QuotaRefusal(`quota usage is negative for resource(s): ${negative.sort().join(',')}`);
  }
  const delta = old ? growth(usage, evaluator.usage(old, nowMs)) : usage;
  return matching.flatMap((quota) => {
    // An object that comes into the scope of a quota counts with all that it uses.
    const added = withoutZeros(old && quotaMatches(quota, evaluator, old) ? delta : usage);
    const charged = chargeOne(quota, added, subresource === 'status');
    return charged ? [{ quota, used: charged }] : [];
  });
}

function withoutZeros(amounts: Amounts): Amounts {
  return Object.fromEntries(Object.entries(amounts).filter(([, amount]) => amount.nanos !== 0n));
}

function checkMeasurable(quota: ResourceQuota, evaluator: Evaluator, object: KubernetesObject): void {
  const { hard = {}, used = {} } = quota.status ?? {};
  const name = quota.metadata?.name ?? '';
  const counted = Object.keys(hard).filter(evaluator.counts);
  const problem = evaluator.problem?.(object, counted);
  if (problem !== undefined) throw new QuotaRefusal(`failed quota: ${name}: ${problem}`);
  if (counted.every((resource) => Object.hasOwn(used, resource))) return;
  throw new QuotaRefusal(`status unknown for quota: ${name}, resources: ${counted.sort().join(',')}`);
}

/** Undefined: nothing that it limits is added. */
function chargeOne(
  quota: ResourceQuota,
  added: Amounts,
  mayExceed: boolean,
): Readonly<Record<string, string>> | undefined {
  const hard = parseAmounts(quota.status?.hard);
  const used = parseAmounts(quota.status?.used);
  const requested = mask(added, Object.keys(hard));
  if (Object.keys(requested).length === 0) return undefined;
  const after = add(used, requested);
  const exceeded = Object.keys(requested).filter((name) => compareQuantities(after[name] ?? zero, hard[name]!) > 0);
  if (exceeded.length > 0 && !mayExceed) {
    const part = (amounts: Amounts) => describeAmounts(mask(amounts, exceeded));
    throw new QuotaRefusal(
      `exceeded quota: ${quota.metadata?.name ?? ''}, requested: ${part(requested)}, used: ${part(used)}, limited: ${part(hard)}`,
    );
  }
  return formatAmounts(after);
}
