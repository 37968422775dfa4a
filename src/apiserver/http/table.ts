/** Server-printed tables: `meta.k8s.io` Table, which is what `kubectl get` shows. */
import type { ResourceDefinition } from '../../api/definition.ts';
import type { KubernetesObject } from '../../api/types.ts';

/** What each row carries besides its cells. */
export type IncludeObject = 'None' | 'Metadata' | 'Object';

export interface TableOptions {
  readonly metaVersion: 'v1' | 'v1beta1';
  readonly includeObject: IncludeObject;
  readonly nowMs: number;
}

export function partialMetadata(object: KubernetesObject, metaVersion: string): object {
  return { kind: 'PartialObjectMetadata', apiVersion: `meta.k8s.io/${metaVersion}`, metadata: object.metadata };
}

/** Without `columnDefinitions` where the client has had them already (all but the first event of a watch). */
export function table(
  definition: ResourceDefinition,
  objects: Iterable<KubernetesObject>,
  metadata: object,
  options: TableOptions,
  withColumns = true,
): object {
  const rows: object[] = [];
  for (const object of objects) rows.push(row(definition, object, options));
  return {
    kind: 'Table',
    apiVersion: `meta.k8s.io/${options.metaVersion}`,
    metadata,
    columnDefinitions: withColumns
      ? definition.columns.map(({ name, type, format = '', description, priority }) => ({
          name,
          // Ages and dates are shown as text already.
          type,
          format,
          description,
          priority,
        }))
      : null,
    rows,
  };
}

function row(definition: ResourceDefinition, object: KubernetesObject, options: TableOptions): object {
  const cells = definition.columns.map((column) => column.cell(object, options.nowMs));
  switch (options.includeObject) {
    case 'None':
      return { cells };
    case 'Metadata':
      return { cells, object: partialMetadata(object, options.metaVersion) };
    case 'Object':
      return { cells, object };
  }
}
