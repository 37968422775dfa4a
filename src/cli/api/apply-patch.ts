/**
 * What `apply` sends: a JSON merge patch (RFC 7386) from what was applied last, what is applied now and what the server has. Fields that
 * were applied and are not any more are removed; fields that others own stay; lists are replaced as a whole.
 */
type Json = unknown;
type JsonObject = Record<string, Json>;

/** kubectl's own annotation, so that the two can take turns. */
export const lastAppliedAnnotation = 'kubectl.kubernetes.io/last-applied-configuration';

/** Undefined when there is nothing to change. */
export function applyPatch(last: Json, wanted: JsonObject, live: JsonObject): JsonObject | undefined {
  const patch: JsonObject = {};
  for (const [key, value] of Object.entries(wanted)) {
    const current = live[key];
    if (isObject(value) && isObject(current)) {
      const nested = applyPatch(isObject(last) ? last[key] : undefined, value, current);
      if (nested) patch[key] = nested;
    } else if (!equals(value, current)) patch[key] = value;
  }
  if (isObject(last)) {
    for (const key of Object.keys(last)) if (!(key in wanted) && key in live) patch[key] = null;
  }
  return Object.keys(patch).length > 0 ? patch : undefined;
}

function isObject(value: Json): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A list is as wanted when each item has at least what is wanted of it: the server adds defaults. */
function equals(wanted: Json, live: Json): boolean {
  if (Array.isArray(wanted)) {
    return Array.isArray(live) && wanted.length === live.length && wanted.every((item, i) => equals(item, live[i]));
  }
  if (isObject(wanted)) {
    return isObject(live) && Object.entries(wanted).every(([key, value]) => equals(value, live[key]));
  }
  return wanted === live;
}
