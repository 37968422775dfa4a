/** A container engine for tests: the one that runs, else a private dockerd that touches nothing of the machine's, and goes with the tests. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { waitFor } from '../../support/cluster.ts';

const run = promisify(execFile);
const defaultSocket = '/var/run/docker.sock';
const startTimeoutMs = 30_000;
const stopTimeoutMs = 20_000;

export interface DockerEngine {
  stop(): Promise<void>;
}

/** Why there can be no engine here; undefined when there can. */
export async function engineUnavailable(): Promise<string | undefined> {
  if (process.platform !== 'linux') return 'the image takes the Node.js of this machine: it needs Linux';
  if (process.env.DOCKER_HOST || (await answers(defaultSocket))) return undefined;
  if (process.getuid?.() !== 0) return 'no container engine runs, and starting dockerd needs root';
  try {
    await run('dockerd', ['--version']);
    return undefined;
  } catch {
    return 'no container engine runs, and dockerd is missing (Debian package docker.io)';
  }
}

/** Sets DOCKER_HOST for testcontainers. */
export async function startEngine(): Promise<DockerEngine> {
  // Its helper container would have to be pulled.
  process.env.TESTCONTAINERS_RYUK_DISABLED = 'true';
  if (process.env.DOCKER_HOST || (await answers(defaultSocket))) return { stop: async () => undefined };
  const folder = mkdtempSync(join(tmpdir(), 'trimast-dockerd-'));
  const socket = join(folder, 'docker.sock');
  const log = openSync(join(folder, 'dockerd.log'), 'w');
  const places = ['data-root', 'exec-root'].flatMap((name) => [`--${name}`, join(folder, name)]);
  // Containers talk to each other and to this machine over one bridge: no rule, no forwarding, no way out.
  const quiet = ['--iptables=false', '--ip6tables=false', '--ip-forward=false', '--ip-masq=false', '--bridge=none'];
  const daemon = spawn(
    'dockerd',
    [...places, '--pidfile', join(folder, 'pid'), '--host', `unix://${socket}`, ...quiet],
    {
      stdio: ['ignore', log, log],
    },
  );
  closeSync(log);
  try {
    await waitFor(
      'dockerd',
      async () => (daemon.exitCode === null ? answers(socket) : Promise.reject(ended(folder))),
      startTimeoutMs,
    );
  } catch (error) {
    await end(daemon);
    throw new Error(`dockerd did not start:\n${ended(folder).message}`, { cause: error });
  }
  process.env.DOCKER_HOST = `unix://${socket}`;
  // Where it would look for this machine's address: a network that this engine does not have.
  process.env.TESTCONTAINERS_HOST_OVERRIDE = '127.0.0.1';
  return {
    async stop() {
      delete process.env.DOCKER_HOST;
      await end(daemon);
      await unmountWithin(folder);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function ended(folder: string): Error {
  const file = join(folder, 'dockerd.log');
  return new Error(existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(-15).join('\n') : 'it said nothing');
}

async function end(daemon: ChildProcess): Promise<void> {
  if (daemon.exitCode !== null || daemon.signalCode !== null) return;
  const gone = new Promise((resolve) => daemon.once('exit', resolve));
  daemon.kill('SIGTERM');
  const timer = setTimeout(() => daemon.kill('SIGKILL'), stopTimeoutMs);
  await gone;
  clearTimeout(timer);
}

/** What dockerd may leave mounted would keep its folder from being removed. */
async function unmountWithin(folder: string): Promise<void> {
  const mounts = readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '')
    .filter((path) => path.startsWith(`${folder}/`));
  for (const path of mounts.reverse()) await run('umount', ['--lazy', path]);
}

function answers(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const call = request({ socketPath, path: '/_ping', timeout: 2_000 }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    call.once('timeout', () => call.destroy(new Error('timeout')));
    call.once('error', () => resolve(false));
    call.end();
  });
}
