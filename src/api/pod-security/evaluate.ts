/** What of a pod the Pod Security Standards do not allow. */

import type { PodSpec } from '../generated/types/core-v1.ts';
import type { ObjectMeta } from '../generated/types/meta-v1.ts';
import { baselineChecks } from './baseline.ts';
import type { Check, CheckFunction, Violation } from './check.ts';
import type { LevelVersion } from './policy.ts';
import { restrictedChecks } from './restricted.ts';

/** The newest version that checks know of; those after it are as this one. */
const newestMinor = 35;

export function violations(
  { level, version }: LevelVersion,
  metadata: ObjectMeta | undefined,
  spec: PodSpec,
): readonly Violation[] {
  const minor = Math.min(version, newestMinor);
  const pod = { annotations: metadata?.annotations ?? {}, spec };
  return checksOf(level, minor).flatMap((check) => check(pod) ?? []);
}

function checksOf(level: LevelVersion['level'], minor: number): CheckFunction[] {
  if (level === 'privileged') return [];
  const baseline = level === 'baseline' ? baselineChecks : baselineChecks.filter(({ id }) => !isOverridden(id, minor));
  return [...baseline, ...(level === 'restricted' ? restrictedChecks : [])].flatMap((check) => at(check, minor) ?? []);
}

function isOverridden(id: string, minor: number): boolean {
  return restrictedChecks.some((check) => check.overrides?.includes(id) && at(check, minor) !== undefined);
}

function at({ versions }: Check, minor: number): CheckFunction | undefined {
  return versions.findLast(([since]) => since <= minor)?.[1];
}

export function describeReasons(found: readonly Violation[]): string {
  return found.map(({ reason }) => reason).join(', ');
}

/** With details: `privileged (container "a" must not set securityContext.privileged=true), hostPort (…)` */
export function describeViolations(found: readonly Violation[]): string {
  return found.map(({ reason, detail }) => (detail === '' ? reason : `${reason} (${detail})`)).join(', ');
}
