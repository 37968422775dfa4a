/**
 * Who may import whom: downward only, as `tools/import-rules.json` says folder by folder (a folder may always import itself; the most
 * specific rule counts). Test files may import anything of their own folder's dependencies plus test helpers of others and
 * certificates (src/pki).
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..');
const importPattern =
  /(?:^|\n)\s*(?:import|export)\s[^'"]*?from\s+['"](\.[^'"]+)['"]|import\(\s*['"](\.[^'"]+)['"]\s*\)|(?:^|\n)import\s+['"](\.[^'"]+)['"]/g;

export interface Violation {
  readonly file: string;
  readonly imports: string;
}

export function checkImports(
  files: ReadonlyMap<string, string>,
  rules: Readonly<Record<string, readonly string[]>>,
): Violation[] {
  const folders = Object.keys(rules).sort((a, b) => b.length - a.length);
  const within = (path: string, folder: string) => path === folder || path.startsWith(`${folder}/`);
  const violations: Violation[] = [];
  for (const [file, text] of files) {
    const folder = folders.find((candidate) => within(file, candidate));
    if (folder === undefined) continue;
    const isTest = /\.(test|e2e)\.ts$|\/testing\//.test(file);
    for (const match of text.matchAll(importPattern)) {
      const target = relative(root, resolve(root, dirname(file), (match[1] ?? match[2] ?? match[3])!));
      const allowed =
        [folder, ...rules[folder]!].some((prefix) => within(target, prefix)) && !isForeignRule(target, folder);
      const helper = isTest && (target.includes('/testing/') || within(target, 'src/pki'));
      if (!allowed && !helper) violations.push({ file, imports: target });
    }
  }
  return violations;

  /** A folder does not cover a part of it that has stricter rules of its own: the part may be imported, but not the other way round. */
  function isForeignRule(target: string, folder: string): boolean {
    const owner = folders.find((candidate) => within(target, candidate));
    return (
      owner !== undefined &&
      owner !== folder &&
      within(folder, owner) &&
      !rules[folder]!.some((prefix) => within(target, prefix))
    );
  }
}

function readTree(folder: string, into: Map<string, string>): void {
  for (const name of readdirSync(join(root, folder))) {
    const path = join(folder, name);
    if (statSync(join(root, path)).isDirectory()) {
      if (name !== 'node_modules') readTree(path, into);
    } else if (name.endsWith('.ts')) into.set(path, readFileSync(join(root, path), 'utf8'));
  }
}

if (import.meta.main) {
  const rules = JSON.parse(readFileSync(join(import.meta.dirname, 'import-rules.json'), 'utf8'));
  const files = new Map<string, string>();
  for (const folder of ['src', 'sim', 'e2e', 'bench', 'examples']) {
    if (statSync(join(root, folder), { throwIfNoEntry: false })) readTree(folder, files);
  }
  const violations = checkImports(files, rules);
  for (const { file, imports } of violations)
    console.error(`${file} must not import ${imports} (tools/import-rules.json)`);
  console.log(`imports: ${files.size} files, ${violations.length} violations`);
  process.exit(violations.length === 0 ? 0 : 1);
}
