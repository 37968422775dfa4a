/**
 * JSON text that depends on an object's content only, not on how it was built: keys in code-unit order, no white space,
 * `undefined` left out. Equal objects give equal bytes, so that a write that changes nothing can be recognised.
 */

/** As `JSON.stringify`, but with sorted keys; keys named in `leading` come first, in that order, at the top level only. */
export function canonicalJson(value: unknown, leading: readonly string[] = []): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value) ?? 'null';
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item)).join(',')}]`;
  const record = value as Record<string, unknown>;
  const keys = Object.keys(record).sort();
  const ordered = leading.length === 0 ? keys : [...leading, ...keys.filter((key) => !leading.includes(key))];
  let text = '{';
  for (const key of ordered) {
    const inner = record[key];
    if (inner === undefined) continue;
    if (text.length > 1) text += ',';
    text += `${JSON.stringify(key)}:${canonicalJson(inner)}`;
  }
  return `${text}}`;
}
