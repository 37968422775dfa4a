/** Which events are over. Pure. */
import type { Event } from '../../api/generated/types/core-v1.ts';

function lastHappenedMs(event: Event): number {
  const times = [
    event.series?.lastObservedTime,
    event.lastTimestamp,
    event.eventTime,
    event.metadata?.creationTimestamp,
  ];
  return Math.max(0, ...times.map((time) => Date.parse(time ?? '') || 0));
}

export function expiredEvents(events: readonly Event[], beforeMs: number): Event[] {
  return events.filter((event) => lastHappenedMs(event) < beforeMs);
}
