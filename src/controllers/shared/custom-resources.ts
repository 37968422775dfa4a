/** The custom resources that are served, as their definitions come and go: for loops that look after objects of every kind. */
import type { CustomResourceDefinition } from '../../api/generated/types/apiextensions-v1.ts';
import type { TypedObject } from '../../api/types.ts';
import type { ControllerContext } from './context.ts';
import type { DeletableResource } from './deletable-resource.ts';

export const customResourceDefinitions = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  resource: 'customresourcedefinitions',
} as const;

export interface CustomResourceHandler {
  add(resource: DeletableResource): void;
  /** `deleted`: the definition is gone, and all of its objects before it; else they are only not served. */
  remove(resource: DeletableResource, deleted: boolean): void;
}

/** In one version: the stored one if it is served. Undefined while nothing of it is served. */
export function resourceOfDefinition({ spec, status }: CustomResourceDefinition): DeletableResource | undefined {
  const isTrue = status?.conditions?.some(({ type, status: state }) => type === 'Established' && state === 'True');
  const served = spec.versions.filter((one) => one.served);
  const version = served.find(({ storage }) => storage) ?? served[0];
  if (!isTrue || !version) return undefined;
  return {
    group: spec.group,
    version: version.name,
    resource: spec.names.plural,
    kind: spec.names.kind,
    namespaced: spec.scope === 'Namespaced',
  };
}

export class CustomResources {
  /** By name of the definition. */
  readonly #resources = new Map<string, DeletableResource>();
  readonly #handlers: CustomResourceHandler[] = [];
  readonly synced: Promise<boolean>;

  constructor({ informers }: Pick<ControllerContext, 'informers'>) {
    const definitions = informers.of<CustomResourceDefinition & TypedObject>(customResourceDefinitions);
    definitions.addHandler({
      add: (definition) => this.#follow(definition),
      update: (definition) => this.#follow(definition),
      delete: (definition) => this.#set(definition.metadata?.name ?? '', undefined, true),
    });
    this.synced = definitions.synced;
  }

  list(): DeletableResource[] {
    return [...this.#resources.values()];
  }

  /** What is there already is told at once. */
  addHandler(handler: CustomResourceHandler): void {
    this.#handlers.push(handler);
    for (const resource of this.#resources.values()) handler.add(resource);
  }

  #follow(definition: CustomResourceDefinition): void {
    this.#set(definition.metadata?.name ?? '', resourceOfDefinition(definition));
  }

  #set(name: string, resource: DeletableResource | undefined, deleted = false): void {
    const before = this.#resources.get(name);
    if (before && resource && sameResource(before, resource)) return;
    if (before) {
      this.#resources.delete(name);
      for (const handler of this.#handlers) handler.remove(before, deleted);
    }
    if (!resource) return;
    this.#resources.set(name, resource);
    for (const handler of this.#handlers) handler.add(resource);
  }
}

function sameResource(a: DeletableResource, b: DeletableResource): boolean {
  return a.group === b.group && a.version === b.version && a.resource === b.resource && a.kind === b.kind;
}
