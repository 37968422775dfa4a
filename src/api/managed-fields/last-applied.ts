/**
 * The annotation in which `kubectl apply` without `--server-side` keeps what it applied: it lets kubectl move an object to server-side apply
 * without conflicts with itself, and back.
 */
import { canonicalJson } from '../canonical-json.ts';
import type { KubernetesObject } from '../types.ts';
import { compareFields } from './compare.ts';
import { difference, type FieldSet } from './field-set.ts';
import type { FieldType } from './field-type.ts';
import { fieldsOf } from './to-fields.ts';
import { validateApplied } from './validate.ts';
import { isMap } from './values.ts';

export const lastAppliedAnnotation = 'kubectl.kubernetes.io/last-applied-configuration';

/** Only under this name. */
export const kubectlManager = 'kubectl';

/** What the annotation names and is still in the object as it was; undefined when there is none that can be used. */
export function fieldsFromLastApplied(
  type: FieldType,
  live: KubernetesObject,
  apiVersion: string,
): FieldSet | undefined {
  const text = live.metadata?.annotations?.[lastAppliedAnnotation];
  const applied = text ? parsed(text) : undefined;
  if (!isMap(applied) || applied.apiVersion !== apiVersion || validateApplied(type, applied).length > 0)
    return undefined;
  const { changed, removed } = compareFields(type, applied, live);
  return difference(difference(fieldsOf(type, applied), changed), removed);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** In place: where kubectl keeps the annotation, it tells of the new configuration; left out when there is no room for it. */
export function updateLastApplied(object: KubernetesObject, configuration: KubernetesObject, maxBytes: number): void {
  const annotations = object.metadata?.annotations;
  if (!annotations?.[lastAppliedAnnotation] || !object.metadata) return;
  const { [lastAppliedAnnotation]: _, ...applied } = configuration.metadata?.annotations ?? {};
  const metadata: Record<string, unknown> = { ...configuration.metadata, annotations: applied };
  if (Object.keys(applied).length === 0) delete metadata.annotations;
  const { [lastAppliedAnnotation]: __, ...others } = annotations;
  const text = `${canonicalJson({ ...configuration, metadata })}\n`;
  const all = { ...others, [lastAppliedAnnotation]: text };
  const bytes = Object.entries(all).reduce(
    (sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value),
    0,
  );
  object.metadata = { ...object.metadata, annotations: bytes > maxBytes ? others : all };
}
