/**
 * Kubernetes' strategic merge patch: as a merge patch, but lists that the schema marks `merge` are merged by their key
 * (objects) or as sets (scalars), and directives say what values cannot:
 *
 *   $patch: replace | delete | merge          on an object, or on an element of a merged list
 *   $retainKeys: [a, b]                       of the object's members only these stay
 *   $deleteFromPrimitiveList/NAME: [x]        removes scalars from list NAME
 *   $setElementOrder/NAME: [{name: a}, …]     order of list NAME after the merge
 */
import type { Schema, SchemaSet } from '../schema/schema.ts';
import { ApiError } from '../status.ts';
import { isRecord, setOwn } from './merge-patch.ts';
import { patchDirective, takeApart } from './strategic-directives.ts';
import { agreesWithOrder, orderElements } from './strategic-order.ts';

type Json = Record<string, unknown>;

/**
 * `target` with `patch` applied by the schema named `definition`; neither is changed. The result may share parts with both.
 *
 * @throws ApiError BadRequest for a malformed patch, Invalid where it contradicts its own `$retainKeys`.
 */
export function applyStrategicMergePatch(
  schemas: SchemaSet,
  definition: string,
  target: unknown,
  patch: unknown,
): unknown {
  if (!isRecord(patch)) throw new ApiError('BadRequest', 'a strategic merge patch must be an object');
  return mergeObject(schemas, schemas.get(definition), isRecord(target) ? target : {}, patch);
}

function mergeObject(schemas: SchemaSet, schema: Schema | undefined, target: Json, patch: Json): Json {
  const parts = takeApart(patch);
  switch (parts.directive) {
    case undefined:
    case 'merge':
      break;
    case 'replace':
      return plainObject(patch);
    case 'delete':
      return {};
    default:
      throw new ApiError('BadRequest', `unknown ${patchDirective} directive ${JSON.stringify(parts.directive)}`);
  }
  const result = retainKeys(target, parts.retainKeys, parts.values);
  for (const [name, removed] of parts.deletions) {
    if (!Array.isArray(removed)) throw new ApiError('BadRequest', `$deleteFromPrimitiveList/${name} must be a list`);
    const list = own(result, name);
    if (Array.isArray(list))
      setOwn(
        result,
        name,
        list.filter((item) => !removed.includes(item)),
      );
  }
  for (const [name, value] of parts.values) {
    if (value === null) {
      delete result[name];
      continue;
    }
    const merged = mergeValue(schemas, memberSchema(schemas, schema, name), own(result, name), value, name);
    setOwn(result, name, merged);
  }
  for (const [name, order] of parts.orders) {
    if (!Array.isArray(order)) throw new ApiError('BadRequest', `$setElementOrder/${name} must be a list`);
    const key = mergeKey(memberSchema(schemas, schema, name));
    const given = parts.values.get(name);
    const kept = Array.isArray(given) ? given.filter((item) => !isRecord(item) || !item[patchDirective]) : [];
    if (!agreesWithOrder(kept, order, key)) {
      throw new ApiError('BadRequest', `the order of list ${name} in the patch doesn't match its $setElementOrder`);
    }
    const list = own(result, name);
    if (!Array.isArray(list)) continue;
    const before = own(target, name);
    setOwn(result, name, orderElements(list, order, Array.isArray(before) ? before : [], key));
  }
  return result;
}

function mergeValue(
  schemas: SchemaSet,
  schema: Schema | undefined,
  target: unknown,
  patch: unknown,
  name: string,
): unknown {
  if (isRecord(patch)) {
    const strategies = patchStrategies(schema);
    if (!isRecord(target) || strategies.includes('replace')) return plainObject(patch);
    return mergeObject(schemas, schema && schemas.resolve(schema), target, patch);
  }
  if (Array.isArray(patch)) {
    const merges = patchStrategies(schema).includes('merge');
    return merges
      ? mergeList(schemas, schema!, Array.isArray(target) ? target : [], patch, name)
      : patch.map(plainValue);
  }
  return patch;
}

function mergeList(schemas: SchemaSet, schema: Schema, target: unknown[], patch: unknown[], name: string): unknown[] {
  const key = mergeKey(schema);
  if (key === undefined) return orderElements([...new Set([...target, ...patch])], patch, target, undefined);
  const elements = patch.map((element) => {
    if (!isRecord(element)) throw new ApiError('BadRequest', `list ${name}: an element of the patch is no object`);
    return element;
  });
  if (elements.some((element) => element[patchDirective] === 'replace')) {
    // One element says so for the whole list; an element that is nothing but the directive is no element.
    return elements.map(plainObject).filter((element) => Object.keys(element).length > 0);
  }
  const items = schema.items && schemas.resolve(schema.items);
  let result = [...target];
  for (const element of elements) {
    const id = element[key];
    if (id === undefined) {
      throw new ApiError(
        'BadRequest',
        `list ${name}: an element of the patch does not contain the merge key ${JSON.stringify(key)}`,
      );
    }
    const matches = (other: unknown) => isRecord(other) && other[key] === id;
    if (element[patchDirective] === 'delete') {
      result = result.filter((other) => !matches(other));
      continue;
    }
    const index = result.findIndex(matches);
    if (index < 0) result.push(plainObject(element));
    else result[index] = mergeObject(schemas, items, result[index] as Json, element);
  }
  // The patch's own order holds, so that what it adds comes before what only the server has: upstream's rule.
  return orderElements(result, elements, target, key);
}

function retainKeys(target: Json, keys: unknown, values: ReadonlyMap<string, unknown>): Json {
  if (keys === undefined) return { ...target };
  if (!Array.isArray(keys)) throw new ApiError('BadRequest', '$retainKeys must be a list');
  for (const [name, value] of values) {
    if (value !== null && !keys.includes(name)) {
      throw new ApiError('Invalid', `the patch sets ${JSON.stringify(name)}, which its $retainKeys does not list`);
    }
  }
  return Object.fromEntries(Object.entries(target).filter(([name]) => keys.includes(name)));
}

/** A patch object where there is nothing to merge with: without directives and nulls. */
function plainObject(patch: Json): Json {
  const result: Json = {};
  for (const [name, value] of takeApart(patch).values) {
    if (value !== null) setOwn(result, name, plainValue(value));
  }
  return result;
}

function plainValue(value: unknown): unknown {
  if (isRecord(value)) return plainObject(value);
  if (!Array.isArray(value)) return value;
  return value.filter((item) => !isRecord(item) || item[patchDirective] !== 'delete').map(plainValue);
}

function memberSchema(schemas: SchemaSet, schema: Schema | undefined, name: string): Schema | undefined {
  if (schema === undefined) return undefined;
  const { properties, additionalProperties } = schemas.resolve(schema);
  if (properties) return Object.hasOwn(properties, name) ? properties[name] : undefined;
  return additionalProperties;
}

function patchStrategies(schema: Schema | undefined): readonly string[] {
  return schema?.['x-kubernetes-patch-strategy']?.split(',') ?? [];
}

function mergeKey(schema: Schema | undefined): string | undefined {
  return schema?.['x-kubernetes-patch-merge-key'];
}

function own(object: Json, name: string): unknown {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}
