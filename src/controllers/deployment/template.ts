/** Which ReplicaSet belongs to which pod template. Pure. */
import { canonicalJson } from '../../api/canonical-json.ts';
import type { ReplicaSet } from '../../api/generated/types/apps-v1.ts';
import type { PodTemplateSpec } from '../../api/generated/types/core-v1.ts';
import { nameSuffixAlphabet } from '../../api/meta/generate-name.ts';

export const hashLabel = 'pod-template-hash';
const hashLength = 10;

function withoutHash(template: PodTemplateSpec | undefined): PodTemplateSpec {
  const { [hashLabel]: _, ...labels } = template?.metadata?.labels ?? {};
  const metadata = { ...template?.metadata, labels };
  return { ...template, metadata };
}

/** Equal but for the hash label that the controller itself adds. */
export function isSameTemplate(a: PodTemplateSpec | undefined, b: PodTemplateSpec | undefined): boolean {
  return canonicalJson(withoutHash(a)) === canonicalJson(withoutHash(b));
}

/**
 * Ten characters safe in names and label values, the same for the same template on every replica. `collisionCount` makes another hash
 * when a ReplicaSet of that name with another template is there already.
 */
export function templateHash(template: PodTemplateSpec, collisionCount: number): string {
  const text = `${canonicalJson(withoutHash(template))}\n${collisionCount}`;
  // FNV-1a with two offsets: 64 bits out of 32-bit arithmetic.
  let low = 0x811c9dc5;
  let high = 0x01234567;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    low = Math.imul(low ^ unit, 0x01000193);
    high = Math.imul(high ^ unit, 0x01000193) ^ (low >>> 15);
  }
  let value = (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
  const base = BigInt(nameSuffixAlphabet.length);
  let hash = '';
  for (let i = 0; i < hashLength; i++) {
    hash += nameSuffixAlphabet[Number(value % base)];
    value /= base;
  }
  return hash;
}

/** The oldest ReplicaSet of this template: there may be several after a collision or a change of defaults. */
export function findNewSet(sets: readonly ReplicaSet[], template: PodTemplateSpec): ReplicaSet | undefined {
  return byAge(sets).find((set) => isSameTemplate(set.spec?.template, template));
}

/** Sorted copy, oldest first. */
export function byAge(sets: readonly ReplicaSet[]): ReplicaSet[] {
  const age = (set: ReplicaSet) => Date.parse(set.metadata?.creationTimestamp ?? '') || 0;
  return [...sets].sort((a, b) => age(a) - age(b) || (a.metadata!.name! < b.metadata!.name! ? -1 : 1));
}
