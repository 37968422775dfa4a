/**
 * The cluster's DNS on this node: its addresses are addresses of the node's loopback link, so that no pod's names depend on another node. Somebody who
 * takes the addresses away gets them put back.
 */
import { isIPv6 } from 'node:net';
import { networkInterfaces } from 'node:os';
import { ClusterZone } from '../../dns/cluster-zone.ts';
import type { Server } from '../../dns/forward/exchange.ts';
import { Forwarder } from '../../dns/forward/forwarder.ts';
import { Resolver } from '../../dns/resolver.ts';
import { DnsServer } from '../../dns/server.ts';
import { ServiceIndex } from '../../dns/service-index.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Nftables } from '../../network/nftables/index.ts';
import { rangeContains } from '../../network/range.ts';
import type { NetworkView } from '../../network/view.ts';
import { dnsGuard } from './dns-guard.ts';
import { ip, ipJson } from './ip.ts';

const port = 53;
const link = 'lo';
const retryMs = 1_000;
/** Addresses of which it is known whether they are of this node or its pods. */
const maxKnownClients = 10_000;
/** The node's own addresses are looked at again this often. */
const ownAddressesMs = 5_000;

export interface DnsServiceOptions {
  readonly nodeName: string;
  readonly addresses: readonly string[];
  readonly domain: string;
  /** Who is asked for names that are not the cluster's. */
  readonly servers: readonly Server[];
  readonly stubDomains: ReadonlyMap<string, readonly Server[]>;
  readonly view: NetworkView;
  readonly nftables: Nftables;
  readonly random: () => number;
  readonly clock: Clock;
  readonly logger: Logger;
}

export class DnsService {
  readonly #options: DnsServiceOptions;
  readonly #resolver: Resolver;
  readonly #forwarder: Forwarder;
  readonly #server: DnsServer;
  readonly #listening = new Set<string>();
  readonly #clients = new Map<string, boolean>();
  #ownAddresses: ReadonlySet<string> = new Set();
  #ownAddressesAtMs = Number.NEGATIVE_INFINITY;
  #working: Promise<void> = Promise.resolve();
  #cancelRetry: (() => void) | undefined;
  #stopped = false;

  constructor(options: DnsServiceOptions) {
    const { view, domain, addresses, servers, stubDomains, clock, logger, random } = options;
    this.#options = options;
    const index = new ServiceIndex(view);
    const zone = new ClusterZone({ domain, addresses, index });
    this.#forwarder = new Forwarder({ servers, stubDomains, clock, logger });
    this.#resolver = new Resolver({ index, zone, forwarder: this.#forwarder, random });
    this.#server = new DnsServer({
      resolver: this.#resolver,
      isTrusted: (address) => this.#isTrusted(address),
      clock,
      logger,
    });
    view.subscribe((changes) => {
      this.#resolver.apply(changes);
      if (changes.some(({ resource }) => resource === 'nodes' || resource === 'pods')) this.#clients.clear();
    });
  }

  /** Resolves once the addresses are there and listened on, or are being tried again. */
  start(): Promise<void> {
    return this.check();
  }

  get counts() {
    return { ...this.#resolver.counts, ...this.#forwarder.counts };
  }

  /** Puts back what is missing. */
  check(): Promise<void> {
    this.#working = this.#working.then(() => this.#ensure());
    return this.#working;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelRetry?.();
    this.#forwarder.close();
    await this.#working;
    await this.#server.close();
  }

  async #ensure(): Promise<void> {
    if (this.#stopped) return;
    const { addresses, nftables, logger, clock } = this.#options;
    try {
      void nftables.set(dnsGuard(addresses));
      const [found] = await ipJson<{ addr_info?: { local?: string }[] }>('address', 'show', 'dev', link);
      const present = new Set(found?.addr_info?.map(({ local }) => local));
      for (const address of addresses) {
        const length = isIPv6(address) ? 128 : 32;
        if (!present.has(address)) await ip('address', 'replace', `${address}/${length}`, 'dev', link);
        if (this.#listening.has(address)) continue;
        await this.#server.listen(address, port);
        this.#listening.add(address);
        logger.info({ address }, 'DNS answers');
      }
    } catch (error) {
      logger.error({ err: error }, 'DNS does not answer yet, will be tried again');
      this.#cancelRetry?.();
      this.#cancelRetry = clock.setTimer(retryMs, () => void this.check());
    }
  }

  /** A source address that only this node or one of its pods can have. */
  #isTrusted(address: string): boolean {
    const known = this.#clients.get(address);
    if (known !== undefined) return known;
    const trusted = this.#isOwn(address) || this.#isOwnPod(address);
    if (this.#clients.size >= maxKnownClients) this.#clients.clear();
    if (trusted) this.#clients.set(address, trusted);
    return trusted;
  }

  #isOwn(address: string): boolean {
    const nowMs = this.#options.clock.monotonicMs();
    if (nowMs - this.#ownAddressesAtMs >= ownAddressesMs) {
      this.#ownAddressesAtMs = nowMs;
      this.#ownAddresses = new Set(
        Object.values(networkInterfaces()).flatMap((its) => its!.map((info) => info.address)),
      );
    }
    return this.#ownAddresses.has(address);
  }

  #isOwnPod(address: string): boolean {
    const { view, nodeName } = this.#options;
    const ranges = view.nodes.get(nodeName)?.spec?.podCIDRs ?? [];
    if (ranges.some((range) => rangeContains(range, address))) return true;
    // With somebody else's pod network, ranges say nothing.
    for (const { spec, status } of view.pods.values())
      if (spec?.nodeName === nodeName && status?.podIPs?.some(({ ip }) => ip === address)) return true;
    return false;
  }
}
