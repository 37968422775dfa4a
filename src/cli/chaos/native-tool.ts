/** The small C programs behind faults that neither Linux nor Node.js offers by itself: compiled once per cluster folder, by the machine's own compiler. */
import { existsSync, mkdirSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { CliError } from '../cli-error.ts';
import { findProgram } from '../cluster/detect-runtime.ts';
import { repositoryRoot } from '../cluster/paths.ts';
import { tryRun } from '../host/run.ts';

const sources = join(repositoryRoot, 'src/chaos/shims');

export type NativeTool = 'faults' | 'relay';

const flags: Record<NativeTool, readonly string[]> = { faults: ['-shared', '-fPIC', '-ldl'], relay: [] };

let drafts = 0;

export function hasCompiler(): boolean {
  return findProgram('cc') !== undefined;
}

/** The path of the compiled program or library. @throws CliError with what the compiler says */
export async function buildTool(tool: NativeTool, folder: string): Promise<string> {
  const source = join(sources, `${tool}.c`);
  const output = join(folder, tool === 'faults' ? 'faults.so' : tool);
  if (existsSync(output) && statSync(output).mtimeMs > statSync(source).mtimeMs) return output;
  mkdirSync(folder, { recursive: true });
  // Whoever finds the file finds a whole one.
  const draft = `${output}.${process.pid}.${drafts++}`;
  const result = await tryRun('cc', ['-O2', '-o', draft, source, ...flags[tool]]);
  if (result.exitCode !== 0) throw new CliError(`compile ${source}: ${result.stderr.trim()}`);
  renameSync(draft, output);
  return output;
}
