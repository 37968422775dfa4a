/**
 * What rules see of a structural schema: types for the checker, and how large values can get for the cost. Fields whose names are no
 * identifiers have escaped names; what a schema does not describe is not seen at all.
 */
import type { Range } from '../../../lib/cel/index.ts';
import {
  boolType,
  bytesType,
  type CelType,
  doubleType,
  durationType,
  dynType,
  intType,
  listOf,
  mapOf,
  type StructField,
  stringType,
  structType,
  timestampType,
} from '../../../lib/cel/types.ts';
import { additionalSchema, type StructuralSchema } from '../schema/schema.ts';
import { escapeName } from './escape.ts';

export interface Declaration {
  readonly type: CelType;
  /** Letters, elements or entries at the most. */
  readonly maxElements: number;
  /** Of its JSON, at the least. */
  readonly minBytes: number;
  readonly element?: Declaration | undefined;
  readonly fields?: ReadonlyMap<string, Declaration> | undefined;
}

/** A request cannot be larger. */
export const maxRequestBytes = 3 * 1024 * 1024;
/** Upstream counts keys as if they had no length. */
const mapKeyDeclaration: Declaration = { type: stringType, maxElements: 0, minBytes: 2 };

/** Undefined for what rules do not see. `root`: of a resource, which has more than its schema says. */
export function declare(schema: StructuralSchema, root = false): Declaration | undefined {
  return declareAt(schema, root, 'object');
}

function declareAt(schema: StructuralSchema, root: boolean, name: string): Declaration | undefined {
  if (schema['x-kubernetes-int-or-string']) {
    const { maxLength } = schema;
    return { type: dynType, maxElements: maxLength === undefined ? maxRequestBytes - 2 : maxLength * 4, minBytes: 1 };
  }
  switch (schema.type) {
    case 'array':
      return declareList(schema, name);
    case 'object':
      return declareObject(root ? withMetadata(schema) : schema, name);
    case 'string':
      return declareText(schema);
    case 'boolean':
      return { type: boolType, maxElements: 0, minBytes: 4 };
    case 'number':
      return { type: doubleType, maxElements: 0, minBytes: 1 };
    case 'integer':
      return { type: intType, maxElements: 0, minBytes: 1 };
    default:
      return undefined;
  }
}

const text: StructuralSchema = { type: 'string' };

export function withMetadata(schema: StructuralSchema): StructuralSchema {
  const metadata: StructuralSchema = { type: 'object', properties: { name: text, generateName: text } };
  return { ...schema, type: 'object', properties: { ...schema.properties, kind: text, apiVersion: text, metadata } };
}

function isEmbedded(schema: StructuralSchema): boolean {
  return schema['x-kubernetes-embedded-resource'] === true;
}

function declareList(schema: StructuralSchema, name: string): Declaration | undefined {
  const element = schema.items && declareAt(schema.items, isEmbedded(schema.items), `${name}.@items`);
  if (!element) return undefined;
  const kind = schema['x-kubernetes-list-type'];
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  const identity =
    kind === 'set' ? 'set' : kind === 'map' ? { keys: keys.map((key) => escapeName(key) ?? key) } : undefined;
  const maxElements = schema.maxItems ?? Math.floor((maxRequestBytes - 2) / (element.minBytes + 1));
  return { type: listOf(element.type, identity), maxElements, minBytes: 2, element };
}

function declareObject(schema: StructuralSchema, name: string): Declaration | undefined {
  const additional = additionalSchema(schema);
  if (additional) {
    const element = declareAt(additional, isEmbedded(additional), `${name}.@values`);
    if (!element) return undefined;
    const maxElements = schema.maxProperties ?? Math.floor((maxRequestBytes - 2) / (element.minBytes + 6));
    return { type: mapOf(stringType, element.type), maxElements, minBytes: 2, element };
  }
  const fields = new Map<string, Declaration>();
  const types = new Map<string, StructField>();
  let minBytes = 2;
  for (const [jsonName, property] of Object.entries(schema.properties ?? {})) {
    const declared = declareAt(property, isEmbedded(property), `${name}.${jsonName}`);
    if (!declared) continue;
    const escaped = escapeName(jsonName);
    if (escaped !== undefined) {
      fields.set(escaped, declared);
      types.set(escaped, { type: declared.type, jsonName });
    }
    const given = schema.required?.includes(jsonName) && property.default === undefined;
    if (given) minBytes += jsonName.length + declared.minBytes + 4;
  }
  return { type: structType(name, types), maxElements: 0, minBytes, fields };
}

function declareText(schema: StructuralSchema): Declaration {
  const { maxLength } = schema;
  switch (schema.format) {
    case 'byte':
      return { type: bytesType, maxElements: maxLength ?? maxRequestBytes - 2, minBytes: 2 };
    case 'duration':
      return { type: durationType, maxElements: 32, minBytes: 3 };
    case 'date':
      return { type: timestampType, maxElements: 12, minBytes: 12 };
    case 'date-time':
      return { type: timestampType, maxElements: 32, minBytes: 21 };
  }
  return { type: stringType, maxElements: longest(schema), minBytes: 2 };
}

function longest({ maxLength, enum: allowed }: StructuralSchema): number {
  if (maxLength !== undefined) return maxLength * 4;
  if (allowed && allowed.length > 0) {
    return Math.max(...allowed.map((one) => (typeof one === 'string' ? Buffer.byteLength(one) : 0)));
  }
  return maxRequestBytes - 2;
}

/** Sizes for the estimation of costs: paths start with `self` or `oldSelf`. */
export function sizesOf(declaration: Declaration): (path: readonly string[]) => Range | undefined {
  return (path) => {
    let current: Declaration | undefined = declaration;
    for (const step of path.slice(1)) {
      if (!current) return undefined;
      if (step === '@items' || step === '@values') current = current.element;
      else if (step === '@keys') current = current.element && !current.fields ? mapKeyDeclaration : undefined;
      else current = current.fields?.get(step);
    }
    return current && path.length > 0 ? { min: 0, max: current.maxElements } : undefined;
  };
}

/** How many values of this size fit into one request. */
export function maxCardinality({ minBytes }: Declaration): number {
  return Math.floor(maxRequestBytes / (minBytes + 1));
}
