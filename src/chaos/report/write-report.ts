/** Puts the files of a report into a folder: `report.html`, `report.json`, and the history of what failed. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ChaosResult } from '../run.ts';
import { renderHtml } from './html.ts';

export function writeReport(folder: string, result: ChaosResult): { readonly html: string; readonly json: string } {
  mkdirSync(folder, { recursive: true });
  const html = join(folder, 'report.html');
  const json = join(folder, 'report.json');
  writeFileSync(html, renderHtml(result));
  writeFileSync(json, `${JSON.stringify(withoutOperations(result), undefined, 2)}\n`);
  if (!result.ok) {
    const lines = result.apis.flatMap(({ name, operations }) =>
      operations.map((operation) => JSON.stringify({ api: name, ...operation })),
    );
    writeFileSync(join(folder, 'history.jsonl'), `${lines.join('\n')}\n`);
  }
  return { html, json };
}

function withoutOperations(result: ChaosResult): object {
  return { ...result, apis: result.apis.map(({ operations: _, ...rest }) => rest) };
}
