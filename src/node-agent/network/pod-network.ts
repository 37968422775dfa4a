/**
 * Brings the node's pod network to what the plan says, in the network namespace in which the agent runs, and back to it whenever somebody takes
 * something away. Changes are applied one after the other; only the latest wish counts. containerd notices a changed CNI
 * configuration by itself. A CNI configuration of somebody else is respected: then the network is theirs, and nothing is done here.
 */
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Nftables } from '../../network/nftables/index.ts';
import { masquerade, masqueradeTableName } from '../../network/pods/masquerade.ts';
import {
  cniConfig,
  type Link,
  type Neighbour,
  type Overlay,
  type PodNetworkPlan,
  parseRoutes,
  planPodNetwork,
  routeArguments,
  routeChanges,
  routeProtocol,
  type Tunnel,
  tunnelName,
  tunnelPort,
} from '../../network/pods/plan.ts';
import { isIPv6Range } from '../../network/range.ts';
import type { NetworkView } from '../../network/view.ts';
import { ip, ipBatch, ipJson } from './ip.ts';

const configName = '10-trimast.conflist';
/** A device that somebody deletes is still listed while its routes go. */
const retryMs = 300;
const settleMs = 100;

export interface PodNetworkOptions {
  readonly nodeName: string;
  readonly cniConfDir: string;
  readonly ipamDir: string;
  readonly overlay: Overlay;
  readonly view: NetworkView;
  readonly nftables: Nftables;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Something that was there is gone, and has been put back. */
  onRepaired(what: string): void;
}

interface IpLink {
  readonly ifname: string;
  readonly mtu: number;
  readonly flags?: readonly string[];
  readonly address?: string;
  readonly addr_info?: readonly { readonly local?: string; readonly prefixlen?: number; readonly scope?: string }[];
}

export class PodNetwork {
  readonly #options: PodNetworkOptions;
  /** What has been applied, as text: what is missing of it was taken away by somebody. */
  readonly #applied = new Set<string>();
  #dirty = false;
  #running: Promise<void> | undefined;
  #stopped = false;
  #cancelTimer: (() => void) | undefined;
  #saidForeign = false;

  constructor(options: PodNetworkOptions) {
    this.#options = options;
    options.view.subscribe((changes, complete) => {
      // Half a set of nodes would take away the routes to the other half.
      if (complete && changes.some(({ resource }) => resource === 'nodes')) this.check();
    });
  }

  /** Looks whether everything is as it should be, soon. */
  check(): void {
    if (!this.#options.view.complete) return;
    this.#dirty = true;
    this.#later(settleMs);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelTimer?.();
    await this.#running;
  }

  #later(delayMs: number): void {
    if (this.#cancelTimer || this.#stopped) return;
    this.#cancelTimer = this.#options.clock.setTimer(delayMs, () => {
      this.#cancelTimer = undefined;
      this.#running ??= this.#run().finally(() => {
        this.#running = undefined;
        if (this.#dirty) this.#later(retryMs);
      });
    });
  }

  async #run(): Promise<void> {
    while (this.#dirty && !this.#stopped) {
      this.#dirty = false;
      try {
        await this.#apply();
      } catch (error) {
        this.#options.logger.error({ err: error }, 'pod network not applied, will be tried again');
        this.#dirty = true;
        return;
      }
    }
  }

  async #apply(): Promise<void> {
    const { view, nodeName, overlay, nftables, logger } = this.#options;
    if (await this.#isForeign()) return this.#leave();
    const links = await readLinks();
    const plan = planPodNetwork({ nodeName, nodes: view.nodes.values(), links: links.map(toLink), overlay });
    if (!plan) return;
    for (const problem of plan.problems) this.#first(`problem ${problem}`) && logger.warn({ problem }, 'pod network');
    void nftables.set(masquerade(plan.ranges, view.nodes.values()));
    const repaired = [...(await this.#tunnel(plan, links)), ...(await this.#routes(plan))];
    await this.#configureCni(plan);
    if (repaired.length === 0) return;
    logger.warn({ repaired }, 'pod network was changed by somebody else and has been put right');
    this.#options.onRepaired(repaired.slice(0, 10).join(', '));
  }

  async #tunnel(plan: PodNetworkPlan, links: readonly IpLink[]): Promise<string[]> {
    const present = links.find(({ ifname }) => ifname === tunnelName);
    const { tunnel } = plan;
    if (!tunnel) {
      if (present) await ip('link', 'delete', tunnelName);
      this.#applied.delete(tunnelName);
      return [];
    }
    const repaired: string[] = [];
    const lines = tunnelCommands(tunnel, present);
    if (lines.length > 0) {
      await ipBatch(lines);
      if (!this.#first(tunnelName)) repaired.push(`device ${tunnelName}`);
      this.#options.logger.info({ ...tunnel }, 'tunnel set');
    } else this.#first(tunnelName);
    const neighbours = await ipJson<{ dst: string; lladdr?: string; state?: string[] }>(
      'neigh',
      'show',
      'dev',
      tunnelName,
      'nud',
      'permanent',
    );
    const macs = new Map(neighbours.map(({ dst, lladdr = '' }) => [dst, lladdr]));
    const missing = plan.neighbours.filter(({ address, mac }) => macs.get(address) !== mac);
    const wanted = new Set(plan.neighbours.map(({ address }) => address));
    const stale = [...macs.keys()].filter((address) => !wanted.has(address));
    const changes = [
      ...missing.map(neighbourCommand),
      ...stale.map((address) => `neigh del ${address} dev ${tunnelName}`),
    ];
    if (changes.length > 0) await ipBatch(changes);
    return repaired;
  }

  async #routes(plan: PodNetworkPlan): Promise<string[]> {
    const repaired: string[] = [];
    for (const family of ['-4', '-6'] as const) {
      const isOf = ({ destination }: { destination: string }) => isIPv6Range(destination) === (family === '-6');
      const current = parseRoutes(await ip(family, 'route', 'show', 'proto', String(routeProtocol)));
      const { replace, remove } = routeChanges(current, plan.routes.filter(isOf));
      const tunnelled = new Map(current.map(({ destination, tunnelTo }) => [destination, tunnelTo !== undefined]));
      for (const route of replace) {
        const { destination } = route;
        const wasTunnelled = tunnelled.get(destination);
        // The way to the tunnel's far end must not lead through the route that it takes the place of.
        if (wasTunnelled !== undefined && wasTunnelled !== (route.tunnelTo !== undefined))
          await ip(family, 'route', 'del', destination, 'proto', String(routeProtocol));
        const args = routeArguments(route, plan);
        const key = args.join(' ');
        await ip(family, 'route', 'replace', ...args);
        if (this.#first(key)) this.#options.logger.info({ ...route }, 'route to a node set');
        else repaired.push(`route to ${route.destination}`);
      }
      for (const { destination } of remove) {
        await ip(family, 'route', 'del', destination, 'proto', String(routeProtocol));
        for (const key of this.#applied) if (key.startsWith(`${destination} `)) this.#applied.delete(key);
      }
    }
    return repaired;
  }

  async #configureCni({ ranges, mtu }: PodNetworkPlan): Promise<void> {
    const { cniConfDir, ipamDir, logger } = this.#options;
    await writeFile('/proc/sys/net/ipv4/ip_forward', '1');
    if (ranges.some(isIPv6Range)) await writeFile('/proc/sys/net/ipv6/conf/all/forwarding', '1');
    const config = cniConfig(ranges, mtu, ipamDir);
    const path = join(cniConfDir, configName);
    if ((await readFile(path, 'utf8').catch(() => '')) === config) return;
    await mkdir(cniConfDir, { recursive: true });
    await mkdir(ipamDir, { recursive: true });
    await writeFile(`${path}.tmp`, config);
    await rename(`${path}.tmp`, path);
    logger.info({ ranges, mtu }, 'pod network configured');
  }

  async #isForeign(): Promise<boolean> {
    const files = await readdir(this.#options.cniConfDir).catch(() => []);
    const foreign = files.filter((file) => file !== configName && /\.(conf|conflist|json)$/.test(file));
    if (foreign.length > 0 && !this.#saidForeign)
      this.#options.logger.info({ foreign }, 'the pod network is left to the CNI configuration that is there');
    this.#saidForeign = foreign.length > 0;
    return foreign.length > 0;
  }

  /** Somebody else's network took over: ours goes. */
  async #leave(): Promise<void> {
    const { cniConfDir, nftables } = this.#options;
    await rm(join(cniConfDir, configName), { force: true });
    if (this.#applied.size === 0) return;
    this.#applied.clear();
    await nftables.remove('inet', masqueradeTableName);
    for (const family of ['-4', '-6']) await ip(family, 'route', 'flush', 'proto', String(routeProtocol));
    if ((await readLinks()).some(({ ifname }) => ifname === tunnelName)) await ip('link', 'delete', tunnelName);
  }

  #first(key: string): boolean {
    if (this.#applied.has(key)) return false;
    this.#applied.add(key);
    return true;
  }
}

function tunnelCommands({ mac, mtu, addresses }: Tunnel, present: IpLink | undefined): string[] {
  const lines: string[] = [];
  if (present && present.address !== mac) lines.push(`link delete ${tunnelName}`);
  if (present?.address !== mac)
    lines.push(
      `link add ${tunnelName} address ${mac} type vxlan external dstport ${tunnelPort} nolearning udp6zerocsumrx`,
    );
  const isUp = present?.address === mac && present.mtu === mtu && present.flags?.includes('UP');
  if (!isUp) lines.push(`link set ${tunnelName} mtu ${mtu} up`);
  const has = new Set(
    present?.address === mac ? present.addr_info?.map(({ local, prefixlen }) => `${local}/${prefixlen}`) : [],
  );
  for (const address of addresses)
    if (!has.has(address))
      lines.push(`address replace ${address} dev ${tunnelName}${isIPv6Range(address) ? ' nodad' : ''}`);
  return lines;
}

function neighbourCommand({ address, mac }: Neighbour): string {
  return `neigh replace ${address} lladdr ${mac} nud permanent dev ${tunnelName}`;
}

function readLinks(): Promise<IpLink[]> {
  return ipJson<IpLink>('address', 'show');
}

/** Pods' links and the tunnel itself lead to no other node; neither does a link-local address say that another is a neighbour. */
function toLink({ ifname, mtu, addr_info: addresses = [] }: IpLink): Link {
  const usable = ifname === tunnelName || ifname === 'lo' ? [] : addresses.filter(({ scope }) => scope === 'global');
  return { name: ifname, mtu, addresses: usable.map(({ local, prefixlen }) => `${local}/${prefixlen}`) };
}
