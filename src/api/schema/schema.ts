/** The OpenAPI schemas of the built-in kinds, as `tools/kinds/generate.ts` wrote them (`$ref` is a bare definition name). */
import { readFileSync } from 'node:fs';
import { assert } from '../../lib/assert.ts';
import { apiVersionOf, type GroupVersionKind } from '../types.ts';
import { fieldsOmittedWhenEmpty } from './empty-fields.ts';

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
  #byKind: Map<string, string> | undefined;
  readonly #omittedWhenEmpty = new Map<string, ReadonlySet<string>>();
  readonly #scalarDefaults = new Map<string, readonly (readonly [field: string, value: unknown])[]>();

  constructor(definitions: Readonly<Record<string, Schema>>) {
    this.definitions = new Map(Object.entries(definitions));
  }

  /** The definition of that name; it is a bug to ask for one that does not exist. */
  get(name: string): Schema {
    const schema = this.definitions.get(name);
    assert(schema, 'no such schema', { name });
    return schema;
  }

  /** Name of the definition of a kind, by its `x-kubernetes-group-version-kind`; undefined for a kind that is not known. */
  definitionOfKind(apiVersion: string, kind: string): string | undefined {
    if (!this.#byKind) {
      this.#byKind = new Map();
      for (const [name, schema] of this.definitions) {
        for (const gvk of schema['x-kubernetes-group-version-kind'] ?? []) {
          this.#byKind.set(`${apiVersionOf(gvk)} ${gvk.kind}`, name);
        }
      }
    }
    return this.#byKind.get(`${apiVersion} ${kind}`);
  }

  /** Fields of a definition that are absent when they are 0, "", false, [] or {}. */
  omittedWhenEmpty(name: string): ReadonlySet<string> {
    let omitted = this.#omittedWhenEmpty.get(name);
    if (!omitted) {
      omitted = fieldsOmittedWhenEmpty(name, this.get(name));
      this.#omittedWhenEmpty.set(name, omitted);
    }
    return omitted;
  }

  /** Fields of a definition that have a scalar default which is not the zero value, with that default. */
  scalarDefaults(name: string): readonly (readonly [field: string, value: unknown])[] {
    let defaults = this.#scalarDefaults.get(name);
    if (!defaults) {
      const properties = Object.entries(this.get(name).properties ?? {});
      defaults = properties
        .filter(([, property]) => property.default && typeof property.default !== 'object')
        .map(([field, property]) => [field, property.default] as const);
      this.#scalarDefaults.set(name, defaults);
    }
    return defaults;
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
