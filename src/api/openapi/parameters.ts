/** Query and path parameters of resource operations. */

export interface Parameter {
  readonly name: string;
  readonly in: 'query' | 'path';
  readonly required?: boolean;
  readonly schema: { readonly type: string; readonly uniqueItems: true };
}

function query(name: string, type: 'string' | 'integer' | 'boolean' = 'string'): Parameter {
  return { name, in: 'query', schema: { type, uniqueItems: true } };
}

export function pathParameter(name: string): Parameter {
  return { name, in: 'path', required: true, schema: { type: 'string', uniqueItems: true } };
}

export const pretty = query('pretty');
const dryRun = query('dryRun');
const fieldManager = query('fieldManager');
const fieldValidation = query('fieldValidation');

export const writeParameters: readonly Parameter[] = [dryRun, fieldManager, fieldValidation];
export const patchParameters: readonly Parameter[] = [...writeParameters, query('force', 'boolean')];

export const listParameters: readonly Parameter[] = [
  query('allowWatchBookmarks', 'boolean'),
  query('continue'),
  query('fieldSelector'),
  query('labelSelector'),
  query('limit', 'integer'),
  query('resourceVersion'),
  query('resourceVersionMatch'),
  query('sendInitialEvents', 'boolean'),
  query('timeoutSeconds', 'integer'),
  query('watch', 'boolean'),
];

export const deleteParameters: readonly Parameter[] = [
  dryRun,
  query('gracePeriodSeconds', 'integer'),
  query('orphanDependents', 'boolean'),
  query('propagationPolicy'),
];
