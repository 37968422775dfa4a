/** The single commands of an `nft -f` script. */
import type { Chain, Hook, NftSet, Table } from './types.ts';

/** So that no line gets out of hand; all lines of a script are one transaction in any case. */
const elementsPerLine = 1_000;

const where = ({ family, name }: Pick<Table, 'family' | 'name'>): string => `${family} ${name}`;

export function addTable(table: Table): string {
  return `add table ${where(table)}`;
}

export function deleteTable(table: Pick<Table, 'family' | 'name'>): string[] {
  return [`add table ${where(table)}`, `delete table ${where(table)}`];
}

export function addChain(table: Table, name: string, { hook }: Chain): string {
  return `add chain ${where(table)} ${name}${hook ? ` ${hookText(hook)}` : ''}`;
}

export function hookText({ type, hook, priority, policy = 'accept' }: Hook): string {
  return `{ type ${type} hook ${hook} priority ${priority}; policy ${policy}; }`;
}

export function flushChain(table: Table, name: string): string {
  return `flush chain ${where(table)} ${name}`;
}

export function deleteChain(table: Table, name: string): string {
  return `delete chain ${where(table)} ${name}`;
}

export function addRules(table: Table, name: string, { rules }: Chain): string[] {
  return rules.map((rule) => `add rule ${where(table)} ${name} ${rule}`);
}

export function addSet(table: Table, name: string, set: NftSet): string {
  return `add ${set.kind} ${where(table)} ${name} { ${declaration(set)} }`;
}

export function declaration({ type, flags = [], timeoutSeconds, size }: NftSet): string {
  const parts = [type];
  if (flags.length > 0) parts.push(`flags ${flags.join(', ')}`);
  if (timeoutSeconds !== undefined) parts.push(`timeout ${timeoutSeconds}s`);
  if (size !== undefined) parts.push(`size ${size}`);
  return parts.map((part) => `${part};`).join(' ');
}

export function deleteSet(table: Table, name: string, kind: NftSet['kind']): string {
  return `delete ${kind} ${where(table)} ${name}`;
}

export function addElements(table: Table, name: string, elements: Iterable<readonly [string, string]>): string[] {
  const texts = [...elements].map(([key, value]) => (value === '' ? key : `${key} : ${value}`));
  return inLines(texts, (line) => `add element ${where(table)} ${name} { ${line} }`);
}

export function deleteElements(table: Table, name: string, keys: readonly string[]): string[] {
  return inLines(keys, (line) => `delete element ${where(table)} ${name} { ${line} }`);
}

function inLines(texts: readonly string[], command: (line: string) => string): string[] {
  const lines: string[] = [];
  for (let start = 0; start < texts.length; start += elementsPerLine)
    lines.push(command(texts.slice(start, start + elementsPerLine).join(', ')));
  return lines;
}
