/** The OpenAPI schemas of the built-in kinds, as `tools/kinds/generate.ts` wrote them (`$ref` is a bare definition name). */
import { readFileSync } from 'node:fs';
import { assert } from '../../lib/assert.ts';
import type { GroupVersionKind } from '../types.ts';

export interface Schema {
  readonly type?: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean';
  readonly format?: string;
  readonly $ref?: string;
  readonly default?: unknown;
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema;
  readonly required?: readonly string[];
  readonly oneOf?: readonly Schema[];
  readonly 'x-kubernetes-list-type'?: 'atomic' | 'set' | 'map';
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
  readonly 'x-kubernetes-map-type'?: 'atomic' | 'granular';
  readonly 'x-kubernetes-patch-merge-key'?: string;
  /** `merge`, `retainKeys`, or both with a comma between. */
  readonly 'x-kubernetes-patch-strategy'?: string;
  readonly 'x-kubernetes-group-version-kind'?: readonly GroupVersionKind[];
  readonly 'x-kubernetes-unions'?: unknown;
}

/** Definitions that the schema language cannot describe fully: each has its own decoding. */
export const specialTypes = {
  quantity: 'io.k8s.apimachinery.pkg.api.resource.Quantity',
  intOrString: 'io.k8s.apimachinery.pkg.util.intstr.IntOrString',
  time: 'io.k8s.apimachinery.pkg.apis.meta.v1.Time',
  microTime: 'io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime',
} as const;

export class SchemaSet {
  readonly definitions: ReadonlyMap<string, Schema>;

  constructor(definitions: Readonly<Record<string, Schema>>) {
    this.definitions = new Map(Object.entries(definitions));
  }

  /** The definition of that name; it is a bug to ask for one that does not exist. */
  get(name: string): Schema {
    const schema = this.definitions.get(name);
    assert(schema, 'no such schema', { name });
    return schema;
  }

  /** Follows `$ref` to the definition's body. Patch and list markers beside a `$ref` stay with the caller's `schema`. */
  resolve(schema: Schema): Schema {
    return schema.$ref === undefined ? schema : this.get(schema.$ref);
  }
}

let loaded: SchemaSet | undefined;

/** Read from disk on first use. */
export function builtInSchemas(): SchemaSet {
  loaded ??= new SchemaSet(JSON.parse(readFileSync(new URL('../generated/schemas.json', import.meta.url), 'utf8')));
  return loaded;
}
