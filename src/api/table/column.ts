/** Building blocks for the columns of server-printed tables. */
import type { Column } from '../definition.ts';
import type { KubernetesObject } from '../types.ts';
import { age } from './duration.ts';

export interface ColumnOptions {
  readonly type?: Column['type'];
  readonly format?: string;
  /** Default 0; more is shown only with `-o wide`. */
  readonly priority?: number;
}

/** A column of a kind whose TypeScript type is `T`. */
export function column<T>(
  name: string,
  description: string,
  cell: (object: T, nowMs: number) => string | number | boolean,
  options: ColumnOptions = {},
): Column {
  return {
    name,
    type: options.type ?? 'string',
    format: options.format ?? '',
    description,
    priority: options.priority ?? 0,
    cell: cell as (object: KubernetesObject, nowMs: number) => string | number | boolean,
  };
}

export const nameColumn: Column = column<KubernetesObject>(
  'Name',
  'Name of the object, unique among its kind in its namespace.',
  (object) => object.metadata?.name ?? '',
  { format: 'name' },
);

/** Age since creation, as `5d3h`; `<unknown>` without a creation timestamp. */
export const ageColumn: Column = column<KubernetesObject>(
  'Age',
  'Time since the object was created.',
  (object, nowMs) => age(object.metadata?.creationTimestamp, nowMs),
);

/** In place of the age, where upstream has no printer of its own. */
export const createdAtColumn: Column = column<KubernetesObject>(
  'Created At',
  'When it was created.',
  ({ metadata }) => metadata?.creationTimestamp ?? '',
);
