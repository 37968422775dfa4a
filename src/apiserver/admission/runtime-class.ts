/** What a RuntimeClass costs, and where its pods can run, goes into the pods that name it (Kubernetes, "RuntimeClass" admission). */
import { isDeepStrictEqual } from 'node:util';
import type { Pod, PodSpec, Toleration } from '../../api/generated/types/core-v1.ts';
import type { RuntimeClass } from '../../api/generated/types/node-v1.ts';
import { formatAmounts, parseAmounts } from '../../api/quota/amounts.ts';
import { resources } from '../../api/types.ts';
import type { Store } from '../../store/types.ts';
import { forbidden } from '../errors.ts';
import { objectKey } from '../keys.ts';
import { decodeShared, recordOf } from '../object-record.ts';
import { linearizableTimeoutMs } from '../resource-version.ts';
import { withStoreErrors } from '../store-errors.ts';
import { concerns, objectOf } from './scope.ts';
import type { AdmissionPlugin, AdmissionRequest } from './types.ts';

const runtimeClasses = { group: 'node.k8s.io', resource: 'runtimeclasses' };
const mismatch = "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead";

export function runtimeClass(store: Pick<Store, 'get' | 'linearizable'>): AdmissionPlugin {
  const known = (name: string): RuntimeClass | undefined => {
    const item = store.get(objectKey(runtimeClasses, undefined, name));
    return item && (decodeShared(recordOf(item)) as unknown as RuntimeClass);
  };
  const find = async (name: string, { definition, name: podName, signal }: AdmissionRequest): Promise<RuntimeClass> => {
    // This replica may not have heard of it yet.
    await withStoreErrors(() => store.linearizable({ signal, timeoutMs: linearizableTimeoutMs }));
    const found = known(name);
    if (found) return found;
    throw forbidden(definition, podName, `pod rejected: RuntimeClass ${JSON.stringify(name)} not found`);
  };
  return {
    name: 'RuntimeClass',
    ...concerns(resources.pods, 'CREATE'),
    mutate(request) {
      const { spec } = objectOf<Pod>(request);
      const name = spec?.runtimeClassName;
      if (!spec || name === undefined) return undefined;
      const found = known(name);
      if (found) return complete(request, spec, found);
      return find(name, request).then((late) => complete(request, spec, late));
    },
    validate(request) {
      const { spec } = objectOf<Pod>(request);
      const overhead = spec?.runtimeClassName === undefined ? undefined : known(spec.runtimeClassName)?.overhead;
      const refuse = (why: string) => forbidden(request.definition, request.name, why);
      if (overhead) {
        if (!sameAmounts(overhead.podFixed, spec?.overhead)) throw refuse(mismatch);
      } else if (spec?.overhead) {
        throw refuse('pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead');
      }
    },
  };
}

type List = Parameters<typeof parseAmounts>[0];

function sameAmounts(a: List, b: List): boolean {
  return isDeepStrictEqual(formatAmounts(parseAmounts(a)), formatAmounts(parseAmounts(b)));
}

function complete({ definition, name }: AdmissionRequest, spec: PodSpec, { overhead, scheduling }: RuntimeClass): void {
  if (overhead) {
    const given = Object.keys(spec.overhead ?? {}).length > 0;
    if (given && !sameAmounts(overhead.podFixed, spec.overhead)) throw forbidden(definition, name, mismatch);
    spec.overhead = { ...overhead.podFixed };
  }
  if (!scheduling) return;
  for (const [key, value] of Object.entries(scheduling.nodeSelector ?? {})) {
    const own = spec.nodeSelector?.[key];
    if (own !== undefined && own !== value) {
      const why = `conflict: runtimeClass.scheduling.nodeSelector[${key}] = ${value}; pod.spec.nodeSelector[${key}] = ${own}`;
      throw forbidden(definition, name, why);
    }
  }
  if (scheduling.nodeSelector) spec.nodeSelector = { ...spec.nodeSelector, ...scheduling.nodeSelector };
  if (scheduling.tolerations) spec.tolerations = mergeTolerations(spec.tolerations ?? [], scheduling.tolerations);
}

/** Of both lists those that no other one covers. */
export function mergeTolerations(first: readonly Toleration[], second: readonly Toleration[]): Toleration[] {
  const all = [...first, ...second];
  const merged: Toleration[] = [];
  all.forEach((one, index) => {
    if (merged.some((other) => covers(other, one))) return;
    const later = all.slice(index + 1);
    if (!later.some((other) => !isDeepStrictEqual(other, one) && covers(other, one))) merged.push(one);
  });
  return merged;
}

function covers(outer: Toleration, inner: Toleration): boolean {
  if (isDeepStrictEqual(outer, inner)) return true;
  const isExists = outer.operator === 'Exists';
  if ((outer.key ?? '') !== (inner.key ?? '') && (outer.key || !isExists)) return false;
  if (outer.effect && outer.effect !== inner.effect) return false;
  if (outer.effect === 'NoExecute' && outer.tolerationSeconds !== undefined) {
    if (inner.tolerationSeconds === undefined || inner.tolerationSeconds > outer.tolerationSeconds) return false;
  }
  return isExists || ((inner.operator ?? 'Equal') === 'Equal' && (outer.value ?? '') === (inner.value ?? ''));
}
