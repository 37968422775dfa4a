/**
 * Runs in one worker's network namespace (`node probe.ts JSON`): tries what it is told and prints, as JSON, how many milliseconds each took or why
 * it failed. A refused connection is an answer: the packets went there and came back.
 */
import { Resolver } from 'node:dns/promises';
import { connect } from 'node:net';

export interface Probe {
  readonly name: string;
  readonly kind: 'tcp' | 'dns';
  /** Of `tcp`: where to; of `dns`: who is asked. */
  readonly address: string;
  readonly port: number;
  /** Of `dns`: the name asked for. */
  readonly query?: string;
  /** Of `tcp`: a refusal counts as an answer. */
  readonly mayRefuse?: boolean;
}

export interface ProbeResult {
  readonly name: string;
  readonly ms?: number;
  readonly problem?: string;
}

const timeoutMs = 3_000;

async function run(probe: Probe): Promise<ProbeResult> {
  const startMs = performance.now();
  try {
    await (probe.kind === 'tcp' ? reach(probe) : ask(probe));
    return { name: probe.name, ms: performance.now() - startMs };
  } catch (error) {
    return { name: probe.name, problem: (error as NodeJS.ErrnoException).code ?? (error as Error).message };
  }
}

function reach({ address, port, mayRefuse }: Probe): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: address, port, timeout: timeoutMs });
    socket.once('connect', () => {
      socket.destroy();
      resolve();
    });
    socket.once('timeout', () => socket.destroy(new Error('no answer')));
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (mayRefuse && error.code === 'ECONNREFUSED') resolve();
      else reject(error);
    });
  });
}

async function ask({ address, port, query = '' }: Probe): Promise<void> {
  const resolver = new Resolver({ timeout: timeoutMs, tries: 1 });
  resolver.setServers([address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`]);
  await resolver.resolve4(query);
}

if (process.argv[1] === import.meta.filename) {
  const probes = JSON.parse(process.argv[2] ?? '[]') as Probe[];
  process.stdout.write(JSON.stringify(await Promise.all(probes.map(run))));
}
