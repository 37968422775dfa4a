/**
 * The node answers on its links (ARP, NDP) for addresses of load balancers that it was given: it has them, so the kernel answers by itself, and
 * it tells the neighbours once, so that their caches turn to it at once. What an earlier agent was given is in a file.
 */
import { readFile, rename, writeFile } from 'node:fs/promises';
import { isIPv6 } from 'node:net';
import type { Service } from '../../api/generated/types/core-v1.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import type { NetworkView } from '../../network/view.ts';
import { ip, ipJson } from './ip.ts';

const holderAnnotation = 'trimast.io/announced-by';
const retryMs = 1_000;

export interface AnnouncerOptions {
  readonly nodeName: string;
  readonly view: NetworkView;
  readonly file: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Pure. */
export function heldAddresses(services: Iterable<Service>, nodeName: string): string[] {
  const held = new Set<string>();
  for (const { metadata, spec, status } of services) {
    if (spec?.type !== 'LoadBalancer' || metadata?.annotations?.[holderAnnotation] !== nodeName) continue;
    for (const { ip: address, ipMode } of status?.loadBalancer?.ingress ?? [])
      if (address && ipMode !== 'Proxy') held.add(address);
  }
  return [...held].sort();
}

export class Announcer {
  readonly #options: AnnouncerOptions;
  readonly #unsubscribe: () => void;
  #ours: Set<string> | undefined;
  #running = false;
  #dirty = false;
  #stopped = false;
  #cancelRetry: (() => void) | undefined;

  constructor(options: AnnouncerOptions) {
    this.#options = options;
    this.#unsubscribe = options.view.subscribe((changes, complete) => {
      if (complete && changes.some(({ resource }) => resource === 'services')) this.check();
    });
  }

  /** The view or the links have changed. */
  check(): void {
    this.#dirty = true;
    void this.#run();
  }

  /** The addresses stay, as the rules do. */
  stop(): void {
    this.#stopped = true;
    this.#unsubscribe();
    this.#cancelRetry?.();
  }

  async #run(): Promise<void> {
    if (this.#running) return;
    this.#running = true;
    const { view, nodeName, clock, logger } = this.#options;
    while (this.#dirty && !this.#stopped && view.complete) {
      this.#dirty = false;
      try {
        await this.#apply(heldAddresses(view.services.values(), nodeName));
      } catch (error) {
        logger.warn({ err: error }, 'addresses of load balancers not set, will be tried again');
        this.#cancelRetry?.();
        this.#cancelRetry = clock.setTimer(retryMs, () => this.check());
      }
    }
    this.#running = false;
  }

  async #apply(wanted: readonly string[]): Promise<void> {
    this.#ours ??= await this.#load();
    if (wanted.length === 0 && this.#ours.size === 0) return;
    const present = await presentAddresses();
    const gone = [...this.#ours].filter((address) => !wanted.includes(address));
    for (const address of wanted) if (!this.#ours.has(address)) this.#ours.add(address);
    // Before they are set: what is not in the file would never be taken away.
    await this.#save(this.#ours);
    for (const address of gone) {
      const dev = present.get(address);
      if (dev) await ip('address', 'del', host(address), 'dev', dev);
      this.#options.logger.info({ address }, 'another node answers for this address now');
      this.#ours.delete(address);
    }
    if (gone.length > 0) await this.#save(this.#ours);
    const devices = new Set<string>();
    for (const address of wanted) {
      if (present.has(address)) continue;
      const dev = await deviceFor(address);
      // Never the source of the node's own connections.
      const options = isIPv6(address) ? ['nodad', 'preferred_lft', '0'] : ['preferred_lft', '0'];
      await ip('address', 'replace', host(address), 'dev', dev, 'valid_lft', 'forever', ...options);
      this.#options.logger.info({ address, dev }, 'this node answers for this address');
      devices.add(dev);
    }
    for (const dev of devices) await tellNeighbours(dev);
  }

  async #load(): Promise<Set<string>> {
    const text = await readFile(this.#options.file, 'utf8').catch(() => '[]');
    return new Set(JSON.parse(text) as string[]);
  }

  async #save(addresses: ReadonlySet<string>): Promise<void> {
    const { file } = this.#options;
    await writeFile(`${file}.tmp`, JSON.stringify([...addresses]));
    await rename(`${file}.tmp`, file);
  }
}

function host(address: string): string {
  return `${address}/${isIPv6(address) ? 128 : 32}`;
}

/** Address to device. */
async function presentAddresses(): Promise<Map<string, string>> {
  const links = await ipJson<{ ifname: string; addr_info?: { local?: string }[] }>('address', 'show');
  const present = new Map<string, string>();
  for (const { ifname, addr_info = [] } of links)
    for (const { local } of addr_info) if (local) present.set(local, ifname);
  return present;
}

async function deviceFor(address: string): Promise<string> {
  const [route] = await ipJson<{ dev?: string }>('route', 'get', address);
  if (!route?.dev) throw new Error(`no link of this node leads to ${address}`);
  return route.dev;
}

/** The kernel announces all addresses of a link when that is told its own hardware address again. */
async function tellNeighbours(dev: string): Promise<void> {
  await writeFile(`/proc/sys/net/ipv4/conf/${dev}/arp_notify`, '1');
  // A kernel without IPv6 has no such file.
  await writeFile(`/proc/sys/net/ipv6/conf/${dev}/ndisc_notify`, '1').catch(() => undefined);
  const [link] = await ipJson<{ address: string }>('link', 'show', 'dev', dev);
  if (link) await ip('link', 'set', 'dev', dev, 'address', link.address);
}
