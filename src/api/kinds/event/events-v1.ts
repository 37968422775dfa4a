/** events.k8s.io/v1 Event: the same stored objects as core/v1's, under newer names. */
import type { StoredForm } from '../../definition.ts';
import type { KubernetesObject } from '../../types.ts';
import { defineKind, fieldAt } from '../define.ts';
import { eventColumns } from './columns.ts';
import { eventsV1Strategy } from './strategy.ts';

const served = { group: 'events.k8s.io', version: 'v1', kind: 'Event', resource: 'events' } as const;

/** Name here, name in core/v1. All other fields have one name in both. */
const renamed = [
  ['regarding', 'involvedObject'],
  ['note', 'message'],
  ['reportingController', 'reportingComponent'],
  ['deprecatedSource', 'source'],
  ['deprecatedFirstTimestamp', 'firstTimestamp'],
  ['deprecatedLastTimestamp', 'lastTimestamp'],
  ['deprecatedCount', 'count'],
] as const;
const coreName = new Map<string, string>(renamed);
const newName = new Map<string, string>(renamed.map(([here, core]) => [core, here]));

const stored: StoredForm = {
  group: '',
  version: 'v1',
  kind: 'Event',
  resource: 'events',
  toStored: (object) => rename(object, coreName, 'v1'),
  fromStored: (object) => rename(object, newName, 'events.k8s.io/v1'),
};

/** Where core/v1 shows an empty text. */
const leftOutWhenEmpty = new Set(['reportingComponent', 'reportingInstance']);

function rename(object: KubernetesObject, names: ReadonlyMap<string, string>, apiVersion: string): KubernetesObject {
  const given = Object.entries(object).filter(([field, value]) => value !== '' || !leftOutWhenEmpty.has(field));
  const entries = given.map(([field, value]) => [names.get(field) ?? field, value] as const);
  return { ...Object.fromEntries(entries), apiVersion, kind: 'Event' };
}

const regardingFields = ['kind', 'namespace', 'name', 'uid', 'apiVersion', 'resourceVersion', 'fieldPath'];

export const eventsV1Definition = defineKind({
  ...served,
  namespaced: true,
  shortNames: ['ev'],
  createOnUpdate: true,
  fieldSelectors: {
    ...Object.fromEntries(
      regardingFields.map((field) => [`regarding.${field}`, fieldAt(`involvedObject.${field}`)] as const),
    ),
    reason: fieldAt('reason'),
    reportingController: fieldAt('reportingComponent'),
    type: fieldAt('type'),
  },
  allColumns: eventColumns.map((column) => ({
    ...column,
    cell: (event: KubernetesObject, nowMs: number) => column.cell(stored.toStored(event), nowMs),
  })),
  strategy: eventsV1Strategy,
  stored,
});
