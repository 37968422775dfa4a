/** Server-side printing: objects as a `meta.k8s.io` Table, or only their metadata. */
import type { ResourceDefinition } from '../definition.ts';
import type { KubernetesObject, ListMeta } from '../types.ts';

/** What goes with each row. */
export type IncludeObject = 'Metadata' | 'Object' | 'None';
/** Both have one shape. */
export type MetaVersion = 'v1' | 'v1beta1';

export interface TableOptions {
  /** Default Metadata. */
  readonly includeObject?: IncludeObject | undefined;
  /** Wall clock, for ages. */
  readonly nowMs: number;
  /** Column definitions too; a watch sends them only with its first event. Default true. */
  readonly withHeaders?: boolean | undefined;
  /** Of the list, or of the object when there is only one. */
  readonly metadata?: ListMeta | undefined;
  readonly version?: MetaVersion | undefined;
}

export interface TableRow {
  readonly cells: readonly (string | number | boolean | null)[];
  readonly object?: object | undefined;
}

export interface Table {
  readonly kind: 'Table';
  readonly apiVersion: string;
  readonly metadata: ListMeta;
  readonly columnDefinitions: readonly object[];
  readonly rows: readonly TableRow[];
}

/** All columns, also those that only `-o wide` shows: the client chooses by priority. */
export function toTable(
  definition: ResourceDefinition,
  objects: readonly KubernetesObject[],
  options: TableOptions,
): Table {
  const { includeObject = 'Metadata', nowMs, withHeaders = true, version = 'v1' } = options;
  return {
    kind: 'Table',
    apiVersion: `meta.k8s.io/${version}`,
    metadata: options.metadata ?? {},
    columnDefinitions: withHeaders
      ? definition.columns.map(({ name, type, format = '', description, priority }) => ({
          name,
          type,
          format,
          description,
          priority,
        }))
      : [],
    rows: objects.map((object) => ({
      cells: definition.columns.map((column) => column.cell(object, nowMs)),
      ...(includeObject === 'Object' && { object }),
      ...(includeObject === 'Metadata' && { object: toPartialObjectMetadata(object, version) }),
    })),
  };
}

export function toPartialObjectMetadata(object: KubernetesObject, version: MetaVersion = 'v1'): KubernetesObject {
  return {
    kind: 'PartialObjectMetadata',
    apiVersion: `meta.k8s.io/${version}`,
    metadata: object.metadata,
  };
}

export function toPartialObjectMetadataList(
  objects: readonly KubernetesObject[],
  metadata: ListMeta,
  version: MetaVersion = 'v1',
): object {
  return {
    kind: 'PartialObjectMetadataList',
    apiVersion: `meta.k8s.io/${version}`,
    metadata,
    items: objects.map((object) => toPartialObjectMetadata(object, version)),
  };
}
