/** Columns of tables, as a CustomResourceDefinition describes them. */
import type { Column } from '../definition.ts';
import type { CustomResourceColumnDefinition } from '../generated/types/apiextensions-v1.ts';
import { nameColumn } from '../table/column.ts';
import { humanDuration } from '../table/duration.ts';
import type { KubernetesObject } from '../types.ts';
import { evaluateJsonPath, type JsonPath, safeJsonPath } from './json-path.ts';

const maxCellLength = 4096;
const ageDefinition: CustomResourceColumnDefinition = {
  name: 'Age',
  type: 'date',
  description: 'Time since the object was created.',
  jsonPath: '.metadata.creationTimestamp',
};

/** Without any, the age. */
export function customColumns(definitions: readonly CustomResourceColumnDefinition[] | undefined): Column[] {
  const described = definitions && definitions.length > 0 ? definitions : [ageDefinition];
  return [nameColumn, ...described.map(columnOf)];
}

function columnOf(definition: CustomResourceColumnDefinition): Column {
  const path = safeJsonPath(definition.jsonPath, (parsed) => parsed);
  const type = definition.type as Column['type'];
  return {
    name: definition.name,
    type,
    format: definition.format ?? '',
    description:
      definition.description || `Custom resource definition column (in JSONPath format): ${definition.jsonPath}`,
    priority: definition.priority ?? 0,
    cell: (object, nowMs) => (path ? cellOf(path, type, object, nowMs) : null),
  };
}

function cellOf(path: JsonPath, type: Column['type'], object: KubernetesObject, nowMs: number) {
  const [first] = evaluateJsonPath(path, object);
  if (first === undefined) return null;
  switch (type) {
    case 'integer':
      return typeof first === 'number' ? Math.trunc(first) : null;
    case 'number':
      return typeof first === 'number' ? first : null;
    case 'boolean':
      return typeof first === 'boolean' ? first : null;
    case 'date':
      return dateCell(first, nowMs);
    default:
      return shown(first).slice(0, maxCellLength);
  }
}

function dateCell(value: unknown, nowMs: number): string | null {
  if (typeof value !== 'string') return null;
  const thenMs = Date.parse(value);
  return Number.isNaN(thenMs) ? '<invalid>' : humanDuration(nowMs - thenMs);
}

function shown(value: unknown): string {
  if (value === null) return '<nil>';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
