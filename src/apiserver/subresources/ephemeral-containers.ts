/** PUT or PATCH of `pods/NAME/ephemeralcontainers`: adds debug containers to a running pod; they are never changed or removed. */
import type { Pod } from '../../api/generated/types/core-v1.ts';
import { moveGeneration, sameJson } from '../../api/kinds/strategy.ts';
import { invalid } from '../../api/meta/field-error.ts';
import { type KubernetesObject, resources } from '../../api/types.ts';

/** In place; `old` is a private copy of what is stored. @throws ApiError Invalid */
export function prepareEphemeralContainers(object: KubernetesObject, old: KubernetesObject): void {
  const wanted = (object as Pod).spec?.ephemeralContainers ?? [];
  const before = (old as Pod).spec?.ephemeralContainers ?? [];
  for (const container of before) {
    const same = wanted.find((one) => one.name === container.name);
    if (same && sameJson(same, container)) continue;
    const what = same ? 'may not be changed' : 'may not be removed';
    throw invalid({ kind: 'Pod', group: resources.pods.group }, old.metadata?.name ?? '', [
      {
        reason: 'FieldValueForbidden',
        field: 'spec.ephemeralContainers',
        message: `Forbidden: existing ephemeral containers ${JSON.stringify(container.name)} ${what}`,
      },
    ]);
  }
  for (const field of Object.keys(object)) delete object[field];
  Object.assign(object, old);
  delete object.metadata?.resourceVersion;
  object.spec = { ...(old.spec as object | undefined), ephemeralContainers: wanted };
  moveGeneration(object, old);
}
