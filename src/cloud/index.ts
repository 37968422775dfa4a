/** Starts what a cluster without a cloud has in place of one. */
import type { Node } from '../api/generated/types/core-v1.ts';
import { EventRecorder } from '../client/events.ts';
import type { InformerSet } from '../client/informer-set.ts';
import type { LeaderContext } from '../client/types.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import { HolderProbe, type ProbedNode } from './bare-metal/holder-probe.ts';
import { parsePool } from './bare-metal/pools.ts';
import { createBareMetalProvider, holderAnnotation } from './bare-metal/provider.ts';
import { ServiceController } from './service-controller.ts';

export { parsePool } from './bare-metal/pools.ts';

export interface BareMetalCloudOptions {
  readonly informers: InformerSet;
  /** As {@link parsePool} reads them. */
  readonly pools: readonly string[];
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Runs until the leadership ends. */
export function startBareMetalCloud({ client, signal }: LeaderContext, options: BareMetalCloudOptions): void {
  const { informers, clock, logger } = options;
  const probe: HolderProbe = new HolderProbe({
    clock,
    signal,
    holders: () => holdersOf(controller),
    onChange: () => controller.wake(),
  });
  const controller = new ServiceController({
    client,
    informers,
    provider: createBareMetalProvider({ pools: options.pools.map(parsePool), silent: () => probe.silent }),
    events: new EventRecorder({ client, component: 'service-controller', logger, clock }),
    signal,
    clock,
    logger,
  });
  probe.start();
  controller.run().catch((error: unknown) => {
    if (!signal.aborted) logger.error({ err: error }, 'load balancers ended: this is a bug');
  });
}

function holdersOf({ services, nodes }: ServiceController): ProbedNode[] {
  const names = new Set<string>();
  for (const { metadata, spec } of services.list()) {
    const holder = metadata?.annotations?.[holderAnnotation];
    if (holder !== undefined && spec?.type === 'LoadBalancer') names.add(holder);
  }
  return [...names].flatMap((name) => probedNode(nodes.get(name)) ?? []);
}

function probedNode(node: Node | undefined): ProbedNode | undefined {
  const host = node?.status?.addresses?.find(({ type }) => type === 'InternalIP')?.address;
  const port = node?.status?.daemonEndpoints?.kubeletEndpoint?.Port;
  return host === undefined || port === undefined ? undefined : { name: node!.metadata!.name!, host, port };
}
