/**
 * Follows the view of the cluster and keeps the kernel's tables, the health checks and the UDP flows as the planner says. While one state goes
 * into the kernel, changes gather for the next. Before the first complete view nothing is touched: rules of an earlier agent go on.
 */
import { performance } from 'node:perf_hooks';
import type { Node } from '../../api/generated/types/core-v1.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Nftables } from '../nftables/index.ts';
import type { NetworkChange, NetworkView } from '../view.ts';
import { forgetStaleFlows } from './conntrack.ts';
import { HealthCheckServers } from './health-checks.ts';
import { ServicePlanner, type StaleFlows } from './planner.ts';

const zoneLabel = 'topology.kubernetes.io/zone';

export interface ServiceProxyOptions {
  readonly nodeName: string;
  readonly view: NetworkView;
  readonly nftables: Pick<Nftables, 'set'>;
  /**
   * Resolves when the view may go into the kernel. What an earlier agent left there is newer than what it left in its file, so that a view
   * from the file alone should wait for a master. Absent: at once.
   */
  readonly ready?: Promise<void>;
  /** Addresses at which the node itself answers for names. */
  readonly ownDns?: readonly string[];
  readonly logger: Logger;
  /** Tests: what is done about stale flows. */
  readonly forget?: typeof forgetStaleFlows;
}

export interface SyncFigures {
  readonly syncs: number;
  readonly lastMs: number;
  readonly maxMs: number;
}

export class ServiceProxy {
  readonly #options: ServiceProxyOptions;
  readonly #planner: ServicePlanner;
  readonly #health: HealthCheckServers;
  readonly #unsubscribe: () => void;
  #complete = false;
  #ready = false;
  #dirty = false;
  #running: Promise<void> | undefined;
  #stopped = false;
  #figures: SyncFigures = { syncs: 0, lastMs: 0, maxMs: 0 };

  constructor(options: ServiceProxyOptions) {
    this.#options = options;
    this.#planner = new ServicePlanner(options.ownDns);
    this.#health = new HealthCheckServers(options.logger);
    void (options.ready ?? Promise.resolve()).then(() => {
      this.#ready = true;
      this.#run();
    });
    this.#unsubscribe = options.view.subscribe((changes, complete) => this.#take(changes, complete));
  }

  /** Milliseconds from a change in the view to the kernel. */
  get figures(): SyncFigures {
    return this.#figures;
  }

  /** Resolves once the kernel has everything that the view had told. */
  async settled(): Promise<void> {
    while (this.#running) await this.#running;
  }

  /** The rules stay. */
  stop(): void {
    this.#stopped = true;
    this.#unsubscribe();
    this.#health.stop();
  }

  #take(changes: readonly NetworkChange[], complete: boolean): void {
    const { nodeName } = this.#options;
    for (const change of changes) {
      if (change.resource === 'services') this.#planner.serviceChanged(change.key);
      else if (change.resource === 'endpointslices') this.#planner.sliceChanged(change.key, change.old, change.object);
      else if (change.resource === 'nodes' && change.key === nodeName) this.#moved(change.object);
      else continue;
      this.#dirty = true;
    }
    this.#complete = complete;
    this.#run();
  }

  #moved(node: Node | undefined): void {
    const { nodeName, view } = this.#options;
    const zone = node?.metadata?.labels?.[zoneLabel];
    const podRanges = node?.spec?.podCIDRs ?? (node?.spec?.podCIDR ? [node.spec.podCIDR] : []);
    this.#planner.moved({ node: nodeName, zone, podRanges }, view.services.keys());
  }

  #run(): void {
    if (!this.#ready || !this.#complete || !this.#dirty || this.#running || this.#stopped) return;
    this.#running = this.#sync().finally(() => {
      this.#running = undefined;
      this.#run();
    });
  }

  async #sync(): Promise<void> {
    const { view, nftables, logger, forget = forgetStaleFlows } = this.#options;
    const beganMs = performance.now();
    this.#dirty = false;
    const { tables, staleFlows } = this.#planner.plan(view);
    const planned = performance.now() - beganMs;
    this.#health.update(this.#planner.healthChecks(view));
    await Promise.all(tables.map((table) => nftables.set(table)));
    const lastMs = performance.now() - beganMs;
    this.#figures = { syncs: this.#figures.syncs + 1, lastMs, maxMs: Math.max(lastMs, this.#figures.maxMs) };
    logger.debug({ planMs: Math.round(planned), ms: Math.round(lastMs) }, 'Services are in the kernel');
    if (staleFlows.length > 0) await forget(staleFlows as StaleFlows[], logger);
  }
}
