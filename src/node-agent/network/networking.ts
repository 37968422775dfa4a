/** Puts the parts of a node's networking together: everything that follows the {@link NetworkView}. */
import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import type { ChannelCredentials } from '@grpc/grpc-js';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import { Prng } from '../../lib/prng.ts';
import { createNftCommand, Nftables } from '../../network/nftables/index.ts';
import type { Overlay } from '../../network/pods/plan.ts';
import { PolicyEnforcer } from '../../network/policies/index.ts';
import { ServiceProxy, servicesTable } from '../../network/services/index.ts';
import { NetworkView } from '../../network/view.ts';
import { Announcer } from './announcer.ts';
import { dnsServers } from './dns-config.ts';
import { DnsService } from './dns-service.ts';
import { NetworkFeed } from './feed.ts';
import { monitorIp } from './ip.ts';
import { PodNetwork } from './pod-network.ts';

/** Changes that come within this time are looked at together. */
const settleMs = 50;
const tableCheckMs = 2_000;

export interface NetworkingOptions {
  readonly nodeName: string;
  readonly masters: readonly string[];
  readonly credentials: ChannelCredentials;
  /** Where what masters said is kept over a restart. */
  readonly networkFile: string;
  /** A folder of the agent's own. */
  readonly dataDir: string;
  readonly clusterDns: readonly string[];
  readonly clusterDomain: string;
  /** Of the node's resolv.conf. */
  readonly nameservers: readonly string[];
  readonly dns?: DnsSettings | undefined;
  readonly cniConfDir: string;
  readonly ipamDir: string;
  readonly overlay: Overlay;
  /** Of the node, for people to read. */
  onEvent(type: 'Normal' | 'Warning', reason: string, message: string): void;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface DnsSettings {
  /** `address` or `address:port`: who is asked for names that are not the cluster's; default the node's resolvers. */
  readonly servers?: readonly string[];
  /** By domain: who is asked for what ends with it. */
  readonly stubDomains?: Readonly<Record<string, readonly string[]>>;
}

export interface Networking {
  readonly view: NetworkView;
  /** One per node: whoever needs a table of rules sets it here. */
  readonly nftables: Nftables;
  readonly policies: PolicyEnforcer;
  /** Leaves routes and rules as they are: existing connections go on, and the next agent adopts them. */
  stop(): Promise<void>;
}

/** Resolves once what was known before a restart is in the view; masters need not be there. */
export async function startNetworking(options: NetworkingOptions): Promise<Networking> {
  const { nodeName, masters, credentials, networkFile: file, dataDir, clock, logger } = options;
  const view = new NetworkView();
  const prng = new Prng(randomInt(2 ** 32));
  const random = () => prng.float();
  const onRepaired = (what: string) =>
    options.onEvent('Warning', 'NetworkRepaired', `changed by somebody else and put right: ${what}`);
  const command = await createNftCommand(dataDir);
  const nftables = new Nftables({ command, clock, logger, onRepaired: (table) => onRepaired(`table ${table}`) });
  nftables.start();
  const feed = new NetworkFeed({ nodeName, masters, credentials, view, file, clock, logger, random });
  const pods = new PodNetwork({ ...options, view, nftables, onRepaired });
  const dns = createDns(options, view, nftables, random);
  const proxy = new ServiceProxy({
    nodeName,
    view,
    nftables,
    ready: Promise.race([feed.live, tableMissing(nftables, clock)]),
    ownDns: options.clusterDns,
    logger: logger.child({ part: 'services' }),
  });
  const announcer = new Announcer({ nodeName, view, file: join(dataDir, 'announced.json'), clock, logger });
  const policies = new PolicyEnforcer({
    nodeName,
    view,
    nftables,
    dns: options.clusterDns,
    live: feed.live,
    clock,
    logger: logger.child({ part: 'policies' }),
  });
  await feed.start();
  await dns?.start();
  let cancelCheck: (() => void) | undefined;
  const stopMonitor = monitorIp(['link', 'address', 'route'], options, (line) => {
    // Pods come and go all the time; what goes of them is theirs.
    if (line !== undefined && isOfPod(line)) return;
    cancelCheck ??= clock.setTimer(settleMs, () => {
      cancelCheck = undefined;
      void dns?.check();
      pods.check();
      announcer.check();
    });
  });
  return {
    view,
    nftables,
    policies,
    async stop() {
      stopMonitor();
      cancelCheck?.();
      proxy.stop();
      announcer.stop();
      policies.stop();
      nftables.stop();
      await Promise.all([feed.stop(), pods.stop(), dns?.stop()]);
    },
  };
}

/** Resolves when the kernel has no rules for Services: then old ones are better than none. Asks until then. */
async function tableMissing(nftables: Nftables, clock: Clock): Promise<void> {
  for (;;) {
    const there = await nftables.isPresent('ip', servicesTable).catch(() => false);
    if (!there) return;
    await new Promise<void>((resolve) => clock.setTimer(tableCheckMs, resolve));
  }
}

/** The host's end of a pod's link, as CNI plugins name it. */
function isOfPod(line: string): boolean {
  return /\bveth[0-9a-f]{8}\b/.test(line);
}

function createDns(
  options: NetworkingOptions,
  view: NetworkView,
  nftables: Nftables,
  random: () => number,
): DnsService | undefined {
  const { clusterDns: addresses, clusterDomain: domain, nodeName, clock, logger } = options;
  if (addresses.length === 0) return undefined;
  const { servers, stubDomains } = dnsServers(options.dns ?? {}, options.nameservers, addresses);
  return new DnsService({ nodeName, addresses, domain, servers, stubDomains, view, nftables, random, clock, logger });
}
