/** YAML bodies: one document, aliases bounded, repeated keys found. */
import { isAlias, isMap, isScalar, isSeq, parseDocument } from 'yaml';

export interface ParsedYaml {
  readonly value: unknown;
  readonly duplicates: string[];
  /** The same in the words of Go's YAML library: `line 9: key "foo" already set in map`. */
  readonly duplicateLines: string[];
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
  const found: Found = { duplicates: new Set(), lines: new Set(), text };
  collect(document.contents, '', found);
  const value = document.toJS({ maxAliasCount: maxAliases });
  return { value, duplicates: [...found.duplicates], duplicateLines: [...found.lines] };
}

interface Found {
  readonly duplicates: Set<string>;
  readonly lines: Set<string>;
  readonly text: string;
}

function collect(node: unknown, path: string, found: Found): void {
  if (isAlias(node)) return;
  if (isSeq(node)) {
    node.items.forEach((item, index) => {
      collect(item, `${path}[${index}]`, found);
    });
  } else if (isMap(node)) {
    const seen = new Set<string>();
    for (const pair of node.items) {
      const key = isScalar(pair.key) ? String(pair.key.value) : String(pair.key);
      const inner = path === '' ? key : `${path}.${key}`;
      if (seen.has(key) && key !== '<<' && found.duplicates.size < maxReported) {
        found.duplicates.add(inner);
        const offset = isScalar(pair.key) ? (pair.key.range?.[0] ?? 0) : 0;
        const line = found.text.slice(0, offset).split('\n').length;
        found.lines.add(`line ${line}: key ${JSON.stringify(key)} already set in map`);
      }
      seen.add(key);
      collect(pair.value, inner, found);
    }
  }
}
