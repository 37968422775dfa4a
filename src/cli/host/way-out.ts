/**
 * Lets a cluster's hosts reach other networks (to pull images) behind this machine's own address: a NAT table of our own, forwarding, and
 * a way past a firewall that drops what is forwarded, as Docker sets one up. All of it goes when the cluster goes.
 */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { findProgram } from '../cluster/detect-runtime.ts';
import { run, tryRun } from './run.ts';

export const forwardingFile = '/proc/sys/net/ipv4/ip_forward';
/** Says that this machine did not forward before its first cluster came. */
const forwardingMarker = '/run/trimast-enabled-forwarding';

export async function openWayOut(bridge: string, hostCidr: string): Promise<void> {
  const rules = `table ip ${bridge}
delete table ip ${bridge}
table ip ${bridge} {
  chain postrouting {
    type nat hook postrouting priority srcnat;
    ip saddr ${hostCidr} ip daddr != ${hostCidr} masquerade
  }
}
`;
  await Promise.all([run('nft', ['-f', '-'], rules), acceptForwarded(bridge)]);
  if (readFileSync(forwardingFile, 'utf8').trim() === '1') return;
  writeFileSync(forwardingMarker, '');
  writeFileSync(forwardingFile, '1');
}

export async function closeWayOut(bridge: string): Promise<void> {
  await Promise.all([
    tryRun('nft', ['-f', '-'], `table ip ${bridge}\ndelete table ip ${bridge}\n`),
    refuseForwarded(bridge),
  ]);
}

/** To be called when the cluster's bridge is gone: the last cluster takes forwarding with it, where a cluster brought it. */
export function restoreForwarding(): void {
  const othersLeft = readdirSync('/sys/class/net').some((name) => /^tm[0-9a-f]{6}$/.test(name));
  if (othersLeft || !existsSync(forwardingMarker)) return;
  writeFileSync(forwardingFile, '0');
  rmSync(forwardingMarker);
}

/** Another table's accept does not help against a drop, so the rules have to be in the chain that drops. */
async function acceptForwarded(bridge: string): Promise<void> {
  if (!findProgram('iptables')) return;
  const { stdout } = await tryRun('iptables', ['--wait', '-S', 'FORWARD']);
  if (!stdout.includes('-P FORWARD DROP')) return;
  for (const rule of forwardRules(bridge)) {
    if (stdout.includes(`-A FORWARD ${rule.join(' ')}\n`)) continue;
    await run('iptables', ['--wait', '-I', 'FORWARD', ...rule]);
  }
}

async function refuseForwarded(bridge: string): Promise<void> {
  if (!findProgram('iptables')) return;
  const { stdout } = await tryRun('iptables', ['--wait', '-S', 'FORWARD']);
  for (const rule of forwardRules(bridge)) {
    if (stdout.includes(`-A FORWARD ${rule.join(' ')}\n`))
      await tryRun('iptables', ['--wait', '-D', 'FORWARD', ...rule]);
  }
}

function forwardRules(bridge: string): string[][] {
  return [
    ['-i', bridge, '-j', 'ACCEPT'],
    ['-o', bridge, '-j', 'ACCEPT'],
  ];
}
