/** Manifests from files, folders (their .yaml, .yml and .json files) or standard input (`-`). */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import type { TypedObject } from '../../api/types.ts';
import { CliError } from '../cli-error.ts';

export type Manifest = TypedObject & {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string };
};

export function readManifests(files: readonly string[]): Manifest[] {
  return files
    .flatMap(expand)
    .flatMap((file) => parseManifests(readText(file), file === '-' ? 'standard input' : file));
}

/** @throws CliError that says where the text is wrong. */
export function parseManifests(text: string, source: string): Manifest[] {
  const manifests: Manifest[] = [];
  for (const document of parseAllDocuments(text)) {
    const [error] = document.errors;
    if (error) throw new CliError(`${source}: ${error.message}`, { exitCode: 2 });
    const value = document.toJS() as (Manifest & { items?: Manifest[] }) | null;
    if (value === null) continue;
    for (const object of value.kind === 'List' ? (value.items ?? []) : [value]) manifests.push(check(object, source));
  }
  return manifests;
}

function check(object: Manifest, source: string): Manifest {
  for (const [field, value] of [
    ['apiVersion', object?.apiVersion],
    ['kind', object?.kind],
    ['metadata.name', object?.metadata?.name],
  ] as const) {
    if (typeof value !== 'string' || value === '')
      throw new CliError(`${source}: ${field} is missing`, { exitCode: 2 });
  }
  return object;
}

function expand(path: string): string[] {
  if (path === '-') return [path];
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat) throw new CliError(`no such file: ${path}`, { exitCode: 2 });
  if (!stat.isDirectory()) return [path];
  const names = readdirSync(path).filter((name) => /\.(ya?ml|json)$/.test(name));
  return names.sort().map((name) => join(path, name));
}

function readText(file: string): string {
  return readFileSync(file === '-' ? 0 : file, 'utf8');
}
