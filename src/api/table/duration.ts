/** Durations as people read them in kubectl's tables: two units at most, the coarser the longer. */

const secondMs = 1000;
const minuteSeconds = 60;
const hourSeconds = 3600;
const daySeconds = 86_400;
const yearDays = 365;

/**
 * Up to two minutes in seconds, up to ten in minutes and seconds, up to three hours in minutes, up to eight in hours and
 * minutes, up to two days in hours, up to eight days in days and hours, up to two years in days, up to eight in years and
 * days, then years. A zero second unit is left out. Slightly negative durations (clock skew up to 2 s) count as zero.
 */
export function humanDuration(durationMs: number): string {
  const seconds = Math.trunc(durationMs / secondMs);
  if (seconds < -1) return '<invalid>';
  if (seconds < 0) return '0s';
  if (seconds < 2 * minuteSeconds) return `${seconds}s`;
  const minutes = Math.floor(seconds / minuteSeconds);
  if (minutes < 10) return pair(minutes, 'm', seconds % minuteSeconds, 's');
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.floor(seconds / hourSeconds);
  if (hours < 8) return pair(hours, 'h', minutes % 60, 'm');
  if (hours < 48) return `${hours}h`;
  const days = Math.floor(seconds / daySeconds);
  if (days < 8) return pair(days, 'd', hours % 24, 'h');
  if (days < 2 * yearDays) return `${days}d`;
  const years = Math.floor(days / yearDays);
  if (days < 8 * yearDays) return pair(years, 'y', days % yearDays, 'd');
  return `${years}y`;
}

/** Age of an RFC 3339 timestamp; `<unknown>` when absent or unreadable. */
export function age(timestamp: string | null | undefined, nowMs: number): string {
  if (!timestamp) return '<unknown>';
  const thenMs = Date.parse(timestamp);
  return Number.isNaN(thenMs) ? '<unknown>' : humanDuration(nowMs - thenMs);
}

function pair(first: number, firstUnit: string, second: number, secondUnit: string): string {
  return second === 0 ? `${first}${firstUnit}` : `${first}${firstUnit}${second}${secondUnit}`;
}
