/** What is particular about Events: they live beside what they are about. */

import type { FieldError } from '../../definition.ts';
import type { Event } from '../../generated/types/core-v1.ts';
import { fieldInvalid, fieldRequired } from '../../meta/field-error.ts';
import { sameJson, type TypedStrategy, typedStrategy } from '../strategy.ts';

/** Where events about cluster-scoped objects go. */
const clusterScopedNamespace = 'default';

const common: TypedStrategy<Event> = {
  setDefaults(event) {
    event.source ??= {};
    // As upstream shows them, set or not.
    const shown = event as unknown as Record<string, unknown>;
    for (const time of ['eventTime', 'firstTimestamp', 'lastTimestamp']) shown[time] ??= null;
    for (const name of ['reportingComponent', 'reportingInstance']) shown[name] ??= '';
  },
  validate({ metadata, involvedObject }) {
    const about = involvedObject?.namespace ?? '';
    const own = metadata?.namespace ?? '';
    if (about === own || (about === '' && (own === clusterScopedNamespace || own === 'kube-system'))) return [];
    return [fieldInvalid('involvedObject.namespace', about, 'does not match event.namespace')];
  },
};

export const eventStrategy = typedStrategy<Event>(common);

/** Characters; upstream's limits. */
const maxLengths = { reportingInstance: 128, action: 128, reason: 128, message: 1024 } as const;

/** Nothing but metadata and series may change through events.k8s.io/v1. */
const immutable = [
  'involvedObject',
  'reason',
  'message',
  'source',
  'firstTimestamp',
  'lastTimestamp',
  'count',
  'type',
  'eventTime',
  'action',
  'related',
  'reportingComponent',
  'reportingInstance',
] as const;

/** events.k8s.io/v1 is strict where core/v1 takes what clients have always sent. Objects and errors are in core/v1's terms, as upstream. */
export const eventsV1Strategy = typedStrategy<Event>({
  ...common,
  validateCreate(event) {
    const errors: FieldError[] = seriesErrors(event);
    for (const field of ['eventTime', 'reportingComponent', 'reportingInstance', 'action', 'reason'] as const) {
      if (!event[field]) errors.push(fieldRequired(field === 'reportingComponent' ? 'reportingController' : field));
    }
    for (const [field, max] of Object.entries(maxLengths)) {
      const length = event[field as keyof typeof maxLengths]?.length ?? 0;
      if (length > max) errors.push(fieldInvalid(field, '', `can have at most ${max} characters`));
    }
    if (event.type !== 'Normal' && event.type !== 'Warning') {
      errors.push(fieldInvalid('type', '', `has invalid value: ${event.type ?? ''}`));
    }
    for (const field of ['firstTimestamp', 'lastTimestamp', 'count'] as const) {
      if (event[field]) errors.push(fieldInvalid(field, '', 'needs to be unset'));
    }
    if (event.source?.component || event.source?.host) errors.push(fieldInvalid('source', '', 'needs to be unset'));
    return errors;
  },
  validateUpdate(event, old) {
    const changed = immutable.filter((field) => !sameJson(event[field] ?? null, old[field] ?? null));
    return [
      ...(sameJson(event.series ?? null, old.series ?? null) ? [] : seriesErrors(event)),
      ...changed.map((field) => fieldInvalid(field, event[field], 'field is immutable')),
    ];
  },
});

function seriesErrors({ series }: Event): FieldError[] {
  if (!series) return [];
  const errors: FieldError[] = [];
  if ((series.count ?? 0) < 2) errors.push(fieldInvalid('series.count', '', 'should be at least 2'));
  if (!series.lastObservedTime) errors.push(fieldRequired('series.lastObservedTime'));
  return errors;
}
