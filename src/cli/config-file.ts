/** Reads a member's configuration file. */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { CliError } from './cli-error.ts';

/** Fields are found by their path, such as `tls.caFile`; those in `paths` are made absolute, relative to the file. */
export interface ConfigShape {
  readonly required: readonly string[];
  readonly paths: readonly string[];
}

type Json = Record<string, unknown>;

/** @throws CliError (exit code 2) that names the file and the field. */
export function readConfigFile<T>(file: string, shape: ConfigShape): T {
  let config: unknown;
  try {
    config = JSON.parse(readFileSync(file, 'utf8'));
  } catch (cause) {
    throw new CliError(`read the configuration ${file}`, { cause, exitCode: 2 });
  }
  if (typeof config !== 'object' || config === null || Array.isArray(config)) {
    throw new CliError(`configuration ${file}: expected a JSON object`, { exitCode: 2 });
  }
  for (const path of shape.required) {
    const [parent, field] = locate(config as Json, path);
    if (parent?.[field] === undefined) throw new CliError(`configuration ${file}: ${path} is missing`, { exitCode: 2 });
  }
  const folder = dirname(resolve(file));
  for (const path of shape.paths) {
    const [parent, field] = locate(config as Json, path);
    const value = parent?.[field];
    if (parent === undefined || value === undefined) continue;
    if (typeof value !== 'string') throw new CliError(`configuration ${file}: ${path} is no text`, { exitCode: 2 });
    parent[field] = resolve(folder, value);
  }
  return config as T;
}

function locate(config: Json, path: string): [parent: Json | undefined, field: string] {
  const parts = path.split('.');
  const field = parts.pop()!;
  let parent: unknown = config;
  for (const part of parts) parent = typeof parent === 'object' && parent !== null ? (parent as Json)[part] : undefined;
  return [typeof parent === 'object' && parent !== null ? (parent as Json) : undefined, field];
}
