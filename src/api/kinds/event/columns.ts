/** `kubectl get events` prints its own; this is what other clients, and `-o wide`, see. */
import type { Event } from '../../generated/types/core-v1.ts';
import { column } from '../../table/column.ts';
import { age } from '../../table/duration.ts';

const wide = { priority: 1 };

export const eventColumns = [
  column<Event>('Last Seen', 'Time since it was last seen.', (event, nowMs) => age(lastSeen(event), nowMs)),
  column<Event>('Type', 'Normal or Warning.', ({ type }) => type ?? ''),
  column<Event>('Reason', 'One word for why.', ({ reason }) => reason ?? ''),
  column<Event>(
    'Object',
    'What it is about.',
    ({ involvedObject }) => `${(involvedObject?.kind ?? '').toLowerCase()}/${involvedObject?.name ?? ''}`,
  ),
  column<Event>('Subobject', 'Which part of it.', ({ involvedObject }) => involvedObject?.fieldPath ?? '', wide),
  column<Event>('Source', 'Who told it.', source, wide),
  column<Event>('Message', 'What happened.', ({ message }) => (message ?? '').trim()),
  column<Event>('First Seen', 'Time since it was first seen.', (event, nowMs) => age(firstSeen(event), nowMs), wide),
  column<Event>('Count', 'How often it was seen.', ({ series, count }) => series?.count || count || 1, wide),
  column<Event>('Name', 'Name of the event.', ({ metadata }) => metadata?.name ?? '', { ...wide, format: 'name' }),
];

function firstSeen({ firstTimestamp, eventTime }: Event): string | undefined {
  return firstTimestamp ?? eventTime ?? undefined;
}

function lastSeen(event: Event): string | undefined {
  return event.series?.lastObservedTime ?? event.lastTimestamp ?? firstSeen(event);
}

function source({ source, reportingComponent, reportingInstance }: Event): string {
  const component = source?.component || reportingComponent || '';
  const host = source?.host || (source?.component ? '' : reportingInstance) || '';
  return host === '' ? component : `${component}, ${host}`;
}
