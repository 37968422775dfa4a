/** A cluster as a user has one: everything goes through `./trimast` and stock kubectl. */
import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { hasFailed, noteFailure } from './failures.ts';

const run = promisify(execFile);
const launcher = resolve(import.meta.dirname, '../../trimast');
/** Old, middle and new, as far as a machine has them. */
const comparedMinors = [27, 30, 33, 35];
const maxOutputBytes = 64 * 1024 * 1024;

export interface Member {
  readonly name: string;
  readonly kind: 'master' | 'agent' | 'containerd' | 'lb' | string;
  readonly pid: number | undefined;
  readonly state?: string;
  readonly address: string;
  readonly ports: Record<string, number>;
  readonly leader?: boolean;
  readonly term?: number;
  readonly appliedRevision?: number;
  readonly stateHash?: string;
}

export interface ClusterStatus {
  readonly members: readonly Member[];
  readonly kubeconfig: string;
}

export interface Output {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export class Cluster {
  readonly dir: string;
  /** Wall time of the last `up`. */
  upMs = 0;
  upOutput = '';
  #kubectlBinary = 'kubectl';

  constructor(dir = mkdtempSync(join(tmpdir(), 'trimast-e2e-'))) {
    this.dir = dir;
  }

  /** Runs `./trimast --dir DIR ARGS`; never rejects for an exit code. */
  async trimast(...args: string[]): Promise<Output> {
    return execute(launcher, ['--dir', this.dir, ...args]);
  }

  /** The same, but a failure is the test's failure, with all that was printed. */
  async must(...args: string[]): Promise<string> {
    const output = await this.trimast(...args);
    if (output.code !== 0) {
      noteFailure();
      throw new Error(`trimast ${args.join(' ')} ended with ${output.code}:\n${output.stdout}${output.stderr}`);
    }
    return output.stdout;
  }

  async up(...args: string[]): Promise<void> {
    const startedMs = performance.now();
    this.upOutput = await this.must('up', ...args);
    this.upMs = performance.now() - startedMs;
  }

  /** Stops everything and removes the folder; after a failure it stays, with the logs of all members. */
  async destroy(): Promise<void> {
    if (hasFailed()) {
      console.error(`the cluster of the failed test is kept: logs are in ${join(this.dir, 'logs')}`);
      await this.must('down');
      return;
    }
    await this.must('down', '--purge');
    rmSync(this.dir, { recursive: true, force: true });
  }

  async status(): Promise<ClusterStatus> {
    return JSON.parse(await this.must('status', '-o', 'json'));
  }

  async leader(): Promise<Member> {
    return waitFor('a leader', async () => (await this.status()).members.find((member) => member.leader));
  }

  get kubeconfig(): string {
    return join(this.dir, 'kubeconfig');
  }

  /** Uses this kubectl from now on. */
  useKubectl(binary: string): void {
    this.#kubectlBinary = binary;
  }

  async tryKubectl(args: readonly string[], input?: string): Promise<Output> {
    return execute(this.#kubectlBinary, ['--kubeconfig', this.kubeconfig, ...args], input);
  }

  async kubectl(args: string, input?: string): Promise<string> {
    const output = await this.tryKubectl(args.split(' '), input);
    if (output.code !== 0)
      throw new Error(`kubectl ${args} ended with ${output.code}:\n${output.stdout}${output.stderr}`);
    return output.stdout;
  }

  async json<T = Record<string, never>>(args: string): Promise<T> {
    return JSON.parse(await this.kubectl(`${args} -o json`));
  }

  /** A kubectl that goes on running; the caller ends it. */
  spawnKubectl(args: readonly string[]) {
    return spawn(this.#kubectlBinary, ['--kubeconfig', this.kubeconfig, ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
  }
}

async function execute(file: string, args: readonly string[], input?: string): Promise<Output> {
  const promise = run(file, args, { maxBuffer: maxOutputBytes, env: { ...process.env, NO_COLOR: '1' } });
  promise.child.stdin?.end(input ?? '');
  try {
    const { stdout, stderr } = await promise;
    return { code: 0, stdout, stderr };
  } catch (error) {
    const failure = error as { code?: number | string; stdout?: string; stderr?: string; message: string };
    if (typeof failure.code !== 'number') throw error;
    return { code: failure.code, stdout: failure.stdout ?? '', stderr: failure.stderr ?? '' };
  }
}

/** Asks `probe` until it gives something, for at most `timeoutMs`; what it threw last is told when it never does. */
export async function waitFor<T>(
  what: string,
  probe: () => Promise<T | undefined | false>,
  timeoutMs = 30_000,
): Promise<T> {
  const deadlineMs = performance.now() + timeoutMs;
  let lastError: unknown;
  for (;;) {
    try {
      const result = await probe();
      if (result !== undefined && result !== false) return result;
    } catch (error) {
      lastError = error;
    }
    if (performance.now() > deadlineMs) {
      throw new Error(`waited ${timeoutMs} ms in vain for ${what}`, { cause: lastError });
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/**
 * Kubectl binaries on this machine, by minor version: the one on PATH, `kubectl.1.NN` beside the file that it really is (as some SDKs install
 * several), and those that `TRIMAST_KUBECTL` lists (paths with colons between).
 */
export async function findKubectls(): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  const onPath = (process.env.PATH ?? '').split(':').map((folder) => join(folder, 'kubectl'));
  const candidates = [...onPath, ...(process.env.TRIMAST_KUBECTL ?? '').split(':').filter(Boolean)];
  for (const binary of onPath.filter((file) => existsSync(file))) {
    const folder = dirname(realpathSync(binary));
    candidates.push(...comparedMinors.map((minor) => join(folder, `kubectl.1.${minor}`)));
  }
  for (const binary of candidates) {
    try {
      const { stdout } = await run(binary, ['version', '--client', '-o', 'json']);
      const minor = String(JSON.parse(stdout).clientVersion.minor).replace('+', '');
      if (!found.has(minor)) found.set(minor, binary);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  return found;
}
