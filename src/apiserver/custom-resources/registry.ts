/**
 * The built-in kinds, and those that CustomResourceDefinitions declare. Follows the store event by event, in the turn that applies
 * them: what this replica's memory says is served is served, on every master alike.
 */
import { setMaxListeners } from 'node:events';
import { canonicalJson } from '../../api/canonical-json.ts';
import type { ConvertObjects } from '../../api/custom-resources/custom-kind.ts';
import { defineCustomKinds, isEstablished } from '../../api/custom-resources/define.ts';
import type { KindRegistry, ResourceDefinition } from '../../api/definition.ts';
import type { CustomResourceDefinition } from '../../api/generated/types/apiextensions-v1.ts';
import type { GroupVersionKind, GroupVersionResource } from '../../api/types.ts';
import { prefixEnd, type Store, type Watch, type WatchEvent } from '../../store/types.ts';
import { resourcePrefix } from '../keys.ts';
import { decodeFresh, recordOf } from '../object-record.ts';

export const customResourceDefinitions = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  resource: 'customresourcedefinitions',
} as const satisfies GroupVersionResource;

/** What one CustomResourceDefinition adds. */
interface Served {
  /** What of it decides; while that stays, everything made of it stays. */
  readonly identity: string;
  readonly definitions: readonly ResourceDefinition[];
  readonly ended: AbortController;
}

export interface CustomRegistryOptions {
  readonly builtIn: KindRegistry;
  readonly store: Pick<Store, 'range' | 'watch' | 'revision'>;
  /** How objects of a definition with a conversion webhook are converted. */
  readonly converter?: ((crd: CustomResourceDefinition) => ConvertObjects) | undefined;
}

export class CustomRegistry implements KindRegistry {
  readonly #options: CustomRegistryOptions;
  readonly #served = new Map<string, Served>();
  readonly #byResource = new Map<string, ResourceDefinition>();
  readonly #byKind = new Map<string, ResourceDefinition>();
  #all: readonly ResourceDefinition[];
  #watch: Watch | undefined;
  generation = 0;

  constructor(options: CustomRegistryOptions) {
    this.#options = options;
    this.#all = options.builtIn.definitions;
    this.#load();
  }

  get definitions(): readonly ResourceDefinition[] {
    return this.#all;
  }

  find(resource: GroupVersionResource): ResourceDefinition | undefined {
    return this.#options.builtIn.find(resource) ?? this.#byResource.get(keyOf(resource, resource.resource));
  }

  findKind(kind: GroupVersionKind): ResourceDefinition | undefined {
    return this.#options.builtIn.findKind(kind) ?? this.#byKind.get(keyOf(kind, kind.kind));
  }

  #load(): void {
    const prefix = resourcePrefix(customResourceDefinitions);
    const range = { key: prefix, end: prefixEnd(prefix) };
    this.#watch?.cancel();
    const { items } = this.#options.store.range(range);
    const present = new Set(items.map(({ key }) => key));
    for (const key of [...this.#served.keys()]) if (!present.has(key)) this.#drop(key);
    for (const current of items) this.#apply({ type: 'put', current, previous: undefined });
    this.#publish();
    this.#watch = this.#options.store.watch(range, {
      onEvents: (events) => {
        for (const event of events) this.#apply(event);
        this.#publish();
      },
      // The state was replaced by a snapshot: what it says now counts.
      onClose: () => queueMicrotask(() => this.#load()),
    });
  }

  #apply({ type, current }: WatchEvent): void {
    const { key } = current;
    if (type === 'delete') {
      this.#drop(key);
      return;
    }
    const crd = decodeFresh(recordOf(current)) as unknown as CustomResourceDefinition;
    const identity = identityOf(crd);
    if (this.#served.get(key)?.identity === identity) return;
    this.#drop(key);
    if (!isEstablished(crd)) return;
    const ended = new AbortController();
    // Every watch of the kind listens.
    setMaxListeners(0, ended.signal);
    const convert = this.#options.converter?.(crd);
    const definitions = defineCustomKinds(crd, { ended: ended.signal, convert });
    this.#served.set(key, { identity, definitions, ended });
  }

  #drop(key: string): void {
    const served = this.#served.get(key);
    if (!served) return;
    this.#served.delete(key);
    served.ended.abort();
  }

  #publish(): void {
    this.#byResource.clear();
    this.#byKind.clear();
    const custom = [...this.#served.values()].flatMap(({ definitions }) => definitions);
    for (const definition of custom) {
      this.#byResource.set(keyOf(definition, definition.resource), definition);
      this.#byKind.set(keyOf(definition, definition.kind), definition);
    }
    this.#all = [...this.#options.builtIn.definitions, ...custom];
    this.generation++;
  }
}

function keyOf({ group, version }: { readonly group: string; readonly version: string }, name: string): string {
  return `${group}/${version}/${name}`;
}

function identityOf(crd: CustomResourceDefinition): string {
  const { uid, deletionTimestamp } = crd.metadata ?? {};
  const names = crd.status?.acceptedNames;
  return canonicalJson([uid, deletionTimestamp ?? null, isEstablished(crd), names ?? null, crd.spec]);
}
