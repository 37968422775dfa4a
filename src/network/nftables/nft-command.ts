/**
 * The `nft` program. It is started through a link of our own name: the kernel tells everybody who listens the name of the program that changed the
 * rules, and so our changes can be told from others'.
 */
import { spawn } from 'node:child_process';
import { access, constants, mkdir, rm, symlink } from 'node:fs/promises';
import { delimiter, join } from 'node:path';

/** At most 15 bytes: the kernel keeps no more of a name. */
export const ownProgramName = 'trimast-nft';
const timeoutMs = 60_000;
const maxErrorBytes = 64 * 1024;
const maxErrorLength = 600;
const maxListBytes = 256 * 2 ** 20;
const usualFolders = ['/usr/sbin', '/sbin', '/usr/local/sbin', '/usr/bin'];

export interface NftCommand {
  /** Applies a script as one transaction. @throws Error with the first lines of what `nft` says */
  apply(script: string): Promise<void>;
  /** What stands under the table's name, without rules' elements, as JSON; undefined: there is no such table. */
  list(family: string, table: string): Promise<string | undefined>;
  /** Calls back with every line of `nft monitor` until the returned function is called. `ended`: the program ended by itself. */
  monitor(onLine: (line: string) => void, ended: (reason: string) => void): () => void;
}

/** Puts the link into `directory`. @throws Error when this machine has no `nft` */
export async function createNftCommand(directory: string): Promise<NftCommand> {
  const program = await findProgram('nft');
  const path = join(directory, ownProgramName);
  await mkdir(directory, { recursive: true });
  await rm(path, { force: true });
  await symlink(program, path);
  return {
    async apply(script) {
      const { code, error } = await run(path, ['-f', '-'], script);
      if (code !== 0) throw new Error(`nft refuses the rules: ${withoutNoise(error)}`);
    },
    async list(family, table) {
      const { code, output, error } = await run(path, ['-j', '-t', 'list', 'table', family, table]);
      if (code === 0) return output;
      if (error.includes('No such file or directory')) return undefined;
      throw new Error(`nft cannot list table ${family} ${table}: ${error}`);
    },
    monitor(onLine, ended) {
      const child = spawn(path, ['monitor'], { stdio: ['ignore', 'pipe', 'ignore'] });
      let stopped = false;
      let rest = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        const lines = (rest + text).split('\n');
        rest = lines.pop()!;
        for (const line of lines) onLine(line);
      });
      child.on('error', (error) => !stopped && ended(error.message));
      child.on('exit', (code, signal) => !stopped && ended(`nft monitor ended with ${signal ?? code}`));
      return () => {
        stopped = true;
        child.kill();
      };
    },
  };
}

/** nft 1.0 complains about the declared type of a map with ports of any protocol, and takes it all the same. */
function withoutNoise(error: string): string {
  const lines = error
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.startsWith('internal:0:0-0: Error: conflicting'));
  return lines.join('\n').slice(0, maxErrorLength);
}

async function findProgram(name: string): Promise<string> {
  const folders = [...(process.env.PATH ?? '').split(delimiter), ...usualFolders].filter((folder) => folder !== '');
  for (const folder of folders) {
    const path = join(folder, name);
    if (
      await access(path, constants.X_OK).then(
        () => true,
        () => false,
      )
    )
      return path;
  }
  throw new Error(`the program "${name}" is not installed: Services and network policies need it (package nftables)`);
}

function run(
  path: string,
  args: readonly string[],
  input = '',
): Promise<{ code: number; output: string; error: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(path, args, { timeout: timeoutMs, killSignal: 'SIGKILL' });
    const chunks: Buffer[] = [];
    let bytes = 0;
    let error = '';
    child.stdout.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > maxListBytes) child.kill('SIGKILL');
      else chunks.push(chunk);
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      if (error.length < maxErrorBytes) error += text;
    });
    child.on('error', reject);
    child.on('close', (code, signal) =>
      resolve({ code: code ?? 1, output: Buffer.concat(chunks).toString(), error: error || `ended by ${signal}` }),
    );
    // A program that ends early closes its input; its exit says why.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
  });
}
