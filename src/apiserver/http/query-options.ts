/** Query parameters of resource requests, parsed and bounded. Unknown parameters are passed over, as upstream does. */
import { ApiError } from '../../api/status.ts';
import type { FieldValidation, WriteRequestOptions } from '../body.ts';
import type { DeleteRequest } from '../deletion.ts';
import type { ListRequest } from '../verbs/list.ts';
import type { WatchRequest } from '../verbs/watch.ts';
import { isTrue } from './request-info.ts';

function text(query: URLSearchParams, name: string): string | undefined {
  return query.get(name) || undefined;
}

/** @throws ApiError BadRequest */
function whole(query: URLSearchParams, name: string): number | undefined {
  const value = text(query, name);
  if (value === undefined) return undefined;
  const parsed = /^-?\d{1,15}$/.test(value) ? Number(value) : Number.NaN;
  if (!Number.isSafeInteger(parsed)) {
    throw new ApiError('BadRequest', `${name}: Invalid value: ${JSON.stringify(value)}: must be a whole number`);
  }
  return parsed;
}

function flag(query: URLSearchParams, name: string): boolean | undefined {
  const value = text(query, name);
  return value === undefined ? undefined : isTrue(value);
}

export function listOptions(query: URLSearchParams): ListRequest {
  return {
    labelSelector: text(query, 'labelSelector'),
    fieldSelector: text(query, 'fieldSelector'),
    resourceVersion: text(query, 'resourceVersion'),
    resourceVersionMatch: text(query, 'resourceVersionMatch'),
    limit: whole(query, 'limit'),
    continue: text(query, 'continue'),
  };
}

export function watchOptions(query: URLSearchParams): WatchRequest {
  return {
    labelSelector: text(query, 'labelSelector'),
    fieldSelector: text(query, 'fieldSelector'),
    resourceVersion: text(query, 'resourceVersion'),
    resourceVersionMatch: text(query, 'resourceVersionMatch'),
    sendInitialEvents: flag(query, 'sendInitialEvents'),
    allowWatchBookmarks: flag(query, 'allowWatchBookmarks'),
    timeoutSeconds: whole(query, 'timeoutSeconds'),
  };
}

/** Of a DELETE, where they are not in the body. */
export function deleteQuery(query: URLSearchParams): DeleteRequest {
  return {
    gracePeriodSeconds: whole(query, 'gracePeriodSeconds'),
    propagationPolicy: text(query, 'propagationPolicy'),
    orphanDependents: flag(query, 'orphanDependents'),
  };
}

/** `dryRun=All` is all that there is. @throws ApiError BadRequest */
export function dryRunOf(values: readonly string[] | undefined): boolean {
  const given = (values ?? []).filter((value) => value !== '');
  for (const value of given) {
    if (value !== 'All') {
      throw new ApiError('BadRequest', `dryRun: Unsupported value: ${JSON.stringify(value)}: supported values: "All"`);
    }
  }
  return given.length > 0;
}

/** Absent means Warn. @throws ApiError BadRequest */
export function fieldValidationOf(query: URLSearchParams): FieldValidation {
  const value = query.get('fieldValidation') || 'Warn';
  if (value === 'Ignore' || value === 'Warn' || value === 'Strict') return value;
  throw new ApiError(
    'BadRequest',
    `fieldValidation: Unsupported value: ${JSON.stringify(value)}: supported values: "Ignore", "Warn", "Strict"`,
  );
}

/** Of a create, update or patch. @throws ApiError BadRequest */
export function writeQuery(query: URLSearchParams): WriteRequestOptions {
  return {
    dryRun: dryRunOf(query.getAll('dryRun')),
    fieldManager: text(query, 'fieldManager'),
    force: flag(query, 'force'),
  };
}
