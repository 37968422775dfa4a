/** PUT to `namespaces/NAME/finalize`: changes spec.finalizers and nothing else. */
import type { KubernetesObject } from '../../api/types.ts';

/** In place; `old` is a private copy of what is stored. */
export function prepareFinalize(object: KubernetesObject, old: KubernetesObject): void {
  const wanted = (object.spec as { finalizers?: string[] } | undefined)?.finalizers;
  const metadataFinalizers = object.metadata?.finalizers;
  for (const field of Object.keys(object)) delete object[field];
  Object.assign(object, old);
  delete object.metadata?.resourceVersion;
  if (object.metadata) {
    if (metadataFinalizers === undefined) delete object.metadata.finalizers;
    else object.metadata.finalizers = metadataFinalizers;
  }
  const { finalizers: _, ...spec } = (old.spec ?? {}) as { finalizers?: string[] };
  object.spec = wanted === undefined || wanted.length === 0 ? spec : { ...spec, finalizers: wanted };
}
