/** A table as one reads it, in a steady order: for golden files and `trimast net`. */
import { elementsOf } from './elements.ts';
import { declaration, hookText } from './script.ts';
import type { Table } from './types.ts';

export function renderTable(table: Table): string {
  const lines = [`table ${table.family} ${table.name} {`];
  for (const [name, set] of [...table.sets].sort(byName)) {
    lines.push(`  ${set.kind} ${name} { ${declaration(set)}`);
    for (const [key, value] of [...elementsOf(set)].sort(byName))
      lines.push(`    ${value === '' ? key : `${key} : ${value}`}`);
    lines.push('  }');
  }
  for (const [name, { hook, rules }] of [...table.chains].sort(byName)) {
    lines.push(`  chain ${name} {`);
    if (hook) lines.push(`    ${hookText(hook).slice(2, -2)}`);
    for (const rule of rules) lines.push(`    ${rule}`);
    lines.push('  }');
  }
  return `${[...lines, '}'].join('\n')}\n`;
}

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
