/** YAML bodies: one document, aliases bounded, repeated keys found. */
import { isAlias, isMap, isScalar, isSeq, parseDocument } from 'yaml';

export interface ParsedYaml {
  readonly value: unknown;
  readonly duplicates: string[];
}

/** Bounds alias expansion ("billion laughs"). */
const maxAliases = 100;
/** No more repeated keys than this are told. */
const maxReported = 100;

/** @throws Error with a message that tells line and column. */
export function parseYaml(text: string): ParsedYaml {
  const document = parseDocument(text, { uniqueKeys: false, merge: true, prettyErrors: true });
  const error = document.errors[0];
  if (error) throw new Error(`yaml: ${error.message}`, { cause: error });
  const duplicates = new Set<string>();
  collect(document.contents, '', duplicates);
  return { value: document.toJS({ maxAliasCount: maxAliases }), duplicates: [...duplicates] };
}

function collect(node: unknown, path: string, duplicates: Set<string>): void {
  if (isAlias(node)) return;
  if (isSeq(node)) {
    node.items.forEach((item, index) => {
      collect(item, `${path}[${index}]`, duplicates);
    });
  } else if (isMap(node)) {
    const seen = new Set<string>();
    for (const pair of node.items) {
      const key = isScalar(pair.key) ? String(pair.key.value) : String(pair.key);
      const inner = path === '' ? key : `${path}.${key}`;
      if (seen.has(key) && key !== '<<' && duplicates.size < maxReported) duplicates.add(inner);
      seen.add(key);
      collect(pair.value, inner, duplicates);
    }
  }
}
