/**
 * Brings the node's pod network to what {@link wantedRoutes} and {@link cniConfig} say, in the network namespace in which the agent runs.
 * containerd notices a changed CNI configuration by itself. Changes are applied one after the other; only the latest wish counts.
 */
import { execFile } from 'node:child_process';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Node } from '../../api/generated/types/core-v1.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import { cniConfig, podCidrOf, ROUTE_PROTOCOL, type Route, routeChanges, wantedRoutes } from './network-plan.ts';

const COMMAND_TIMEOUT_MS = 5_000;
const RETRY_MS = 2_000;
const run = promisify(execFile);

export interface NetworkOptions {
  readonly nodeName: string;
  readonly cniConfDir: string;
  readonly ipamDir: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

export class PodNetwork {
  readonly #options: NetworkOptions;
  #nodes: readonly Node[] = [];
  #dirty = false;
  #running = false;
  #stopped = false;
  #cancelRetry: (() => void) | undefined;

  constructor(options: NetworkOptions) {
    this.#options = options;
  }

  /** All nodes as they are known now, this one included. */
  update(nodes: readonly Node[]): void {
    this.#nodes = nodes;
    this.#dirty = true;
    void this.#run();
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelRetry?.();
  }

  async #run(): Promise<void> {
    if (this.#running) return;
    this.#running = true;
    while (this.#dirty && !this.#stopped) {
      this.#dirty = false;
      try {
        await this.#apply(this.#nodes);
      } catch (error) {
        this.#options.logger.error({ err: error }, 'pod network not applied, will be tried again');
        this.#cancelRetry?.();
        this.#cancelRetry = this.#options.clock.setTimer(RETRY_MS, () => this.update(this.#nodes));
      }
    }
    this.#running = false;
  }

  async #apply(nodes: readonly Node[]): Promise<void> {
    const { nodeName, cniConfDir, ipamDir, logger } = this.#options;
    const podCidr = podCidrOf(nodes.find((node) => node.metadata?.name === nodeName));
    if (podCidr === undefined) return;
    const config = cniConfig(podCidr, ipamDir);
    const path = join(cniConfDir, '10-trimast.conflist');
    if ((await readFile(path, 'utf8').catch(() => '')) !== config) {
      await writeFile('/proc/sys/net/ipv4/ip_forward', '1');
      await mkdir(cniConfDir, { recursive: true });
      await mkdir(ipamDir, { recursive: true });
      await writeFile(`${path}.tmp`, config);
      await rename(`${path}.tmp`, path);
      logger.info({ podCidr }, 'pod network configured');
    }
    const changes = routeChanges(await currentRoutes(), wantedRoutes(nodes, nodeName));
    for (const route of changes.replace) {
      await ip('route', 'replace', route.destination, 'via', route.gateway, 'proto', String(ROUTE_PROTOCOL));
      logger.info(route, 'route to a node set');
    }
    for (const { destination } of changes.remove) {
      await ip('route', 'del', destination, 'proto', String(ROUTE_PROTOCOL));
    }
  }
}

async function currentRoutes(): Promise<Route[]> {
  const output = await ip('-json', 'route', 'show', 'proto', String(ROUTE_PROTOCOL));
  const routes = JSON.parse(output === '' ? '[]' : output) as { dst: string; gateway?: string }[];
  return routes.map(({ dst, gateway = '' }) => ({ destination: dst, gateway }));
}

async function ip(...args: string[]): Promise<string> {
  const { stdout } = await run('ip', args, { timeout: COMMAND_TIMEOUT_MS });
  return stdout;
}
