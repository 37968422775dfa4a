/**
 * Forgets UDP flows that the kernel would go on sending to endpoints that are gone: UDP knows no end of a connection, and the rules are asked
 * for a flow's first packet only.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Logger } from '../../lib/logger.ts';
import type { StaleFlows } from './planner.ts';

const run = promisify(execFile);
const timeoutMs = 10_000;
/** More in one change than this: all flows to the front go, those to living endpoints among them. */
const maxPerFront = 50;

/** The arguments of `conntrack` that forget the flows. Pure. */
export function conntrackCommands({ kind, front, gone, wasEmpty }: StaleFlows): string[][] {
  const parts = front.split(' . ');
  const [address, port] = kind === 'nodePort' ? [undefined, parts[1]!] : [parts[0]!, parts[2]!];
  const family = (address ?? gone[0] ?? '').includes(':') ? 'ipv6' : 'ipv4';
  const base = ['-D', '-f', family, '-p', 'udp', ...(address ? ['--orig-dst', address] : []), '--orig-port-dst', port];
  if (wasEmpty || gone.length > maxPerFront) return [base];
  return gone.map((backend) => [...base, '--reply-src', backend.split(' . ')[0]!]);
}

let reportedMissing = false;

/** Never throws: a flow that stays is forgotten by the kernel some time later. */
export async function forgetStaleFlows(flows: readonly StaleFlows[], logger: Logger): Promise<void> {
  for (const args of flows.flatMap(conntrackCommands)) {
    try {
      await run('conntrack', args, { timeout: timeoutMs });
    } catch (error) {
      const { code, stderr = '' } = error as { code?: string | number; stderr?: string };
      // It exits with 1 when there was nothing to forget.
      if (code === 1 && stderr.includes('0 flow entries')) continue;
      if (code === 'ENOENT') {
        if (!reportedMissing) logger.warn('the program "conntrack" is not installed: stale UDP flows of Services stay');
        reportedMissing = true;
        return;
      }
      logger.warn({ args, reason: stderr.trim() || String(error) }, 'stale UDP flows not forgotten');
    }
  }
}
