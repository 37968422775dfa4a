/** `IntOrString`: a number, a percentage (`25%`), or, for ports, a name. */

const percentPattern = /^(\d+)%$/;

/** The number before `%`, or undefined when the text is no percentage. */
export function parsePercent(text: string): number | undefined {
  const match = percentPattern.exec(text);
  return match ? Number(match[1]) : undefined;
}

/**
 * A count, or a share of `total` rounded up or down (maxSurge rounds up, maxUnavailable down).
 * Undefined when the value is a string that is no percentage.
 */
export function scaledValue(value: string | number, total: number, roundUp: boolean): number | undefined {
  if (typeof value === 'number') return value;
  const percent = parsePercent(value);
  if (percent === undefined) return undefined;
  const share = (percent * total) / 100;
  return roundUp ? Math.ceil(share) : Math.floor(share);
}

/**
 * A Deployment's bounds while it rolls: how many pods above and below `replicas`. Both zero would never move, so then one may be
 * unavailable.
 */
export function rollingUpdateBounds(
  maxSurge: string | number | undefined,
  maxUnavailable: string | number | undefined,
  replicas: number,
): { readonly surge: number; readonly unavailable: number } {
  const surge = scaledValue(maxSurge ?? 0, replicas, true) ?? 0;
  const unavailable = scaledValue(maxUnavailable ?? 0, replicas, false) ?? 0;
  return surge === 0 && unavailable === 0 ? { surge, unavailable: 1 } : { surge, unavailable };
}

/** Absent, 0 or `0%`. */
export function isZeroShare(value: string | number | undefined): boolean {
  return value === undefined || value === 0 || (typeof value === 'string' && parsePercent(value) === 0);
}
