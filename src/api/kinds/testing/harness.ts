/** Runs an object through a kind's strategy as the generic path does: schema, defaults, preparation, validation. */
import type { ResourceDefinition, StrategyContext } from '../../definition.ts';
import { validateObjectMeta } from '../../meta/object-meta.ts';
import { createKindRegistry } from '../../registry.ts';
import { decodeBySchema } from '../../schema/decode.ts';
import { builtInSchemas } from '../../schema/schema.ts';
import { toTable } from '../../table/table.ts';
import { apiVersionOf, type KubernetesObject } from '../../types.ts';

export const registry = createKindRegistry();
export const nowMs = Date.parse('2026-01-02T00:00:00Z');
export const context: StrategyContext = { user: { name: 'alice', groups: ['dev'] }, nowMs };

/** `name`: a kind (`Job`), with its apiVersion where there are several (`autoscaling/v1 HorizontalPodAutoscaler`). */
export function kind(name: string): ResourceDefinition {
  const [first = '', second] = name.split(' ');
  const found = registry.definitions.find((one) =>
    second === undefined ? one.kind === first : one.kind === second && apiVersionOf(one) === first,
  );
  if (!found) throw new Error(`no kind ${name}`);
  return found;
}

function decoded(definition: ResourceDefinition, object: KubernetesObject): KubernetesObject {
  const { value, unknownFields } = decodeBySchema(builtInSchemas(), definition.schema, structuredClone(object));
  if (unknownFields.length > 0) throw new Error(`no such field: ${unknownFields.join(', ')}`);
  const served: KubernetesObject = { ...value, apiVersion: apiVersionOf(definition), kind: definition.kind };
  return definition.stored ? definition.stored.toStored(served) : served;
}

/** As it would be stored, whether valid or not. */
export function create(name: string, object: KubernetesObject): KubernetesObject {
  const definition = kind(name);
  const copy = decoded(definition, object);
  definition.strategy.setDefaults?.(copy);
  definition.strategy.prepareForCreate?.(copy, context);
  return copy;
}

/** `field: message` of everything that is wrong with a new object, beyond its metadata. */
export function findings(name: string, object: KubernetesObject): string[] {
  const { strategy } = kind(name);
  const created = create(name, object);
  const errors = [...(strategy.validate?.(created) ?? []), ...(strategy.validateCreate?.(created) ?? [])];
  return errors.map((error) => `${error.field}: ${error.message}`);
}

/** `field reason` of everything that is wrong with a new object, metadata included; reasons without `FieldValue`. */
export function causes(name: string, object: KubernetesObject): string[] {
  const definition = kind(name);
  const created = create(name, object);
  const { strategy } = definition;
  const errors = [
    ...validateObjectMeta(definition, created),
    ...(strategy.validate?.(created) ?? []),
    ...(strategy.validateCreate?.(created) ?? []),
  ];
  return errors.map((error) => `${error.field} ${error.reason.replace('FieldValue', '')}`);
}

/** What a change makes of an object, and the fields that it is refused for. */
export function update(name: string, before: KubernetesObject, alter: (object: KubernetesObject) => void) {
  const { strategy } = kind(name);
  const old = create(name, before);
  const object = structuredClone(old);
  alter(object);
  strategy.setDefaults?.(object);
  strategy.prepareForUpdate?.(object, old, context);
  return { object, fields: (strategy.validateUpdate?.(object, old) ?? []).map((error) => error.field) };
}

/** A table as text, columns of priority > 0 in parentheses. */
export function table(name: string, objects: readonly KubernetesObject[]): string {
  const definition = kind(name);
  const { rows } = toTable(definition, objects, { nowMs, includeObject: 'None' });
  const header = definition.columns.map(({ name, priority }) => (priority > 0 ? `(${name})` : name).toUpperCase());
  return [header, ...rows.map((row) => row.cells.map(String))].map((cells) => cells.join(' | ')).join('\n');
}

export function meta(name: string, more: object = {}) {
  return { name, creationTimestamp: '2026-01-01T00:00:00Z', ...more };
}
