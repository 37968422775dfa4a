/** On the leader: an APIService for every group-version that this API answers itself, as kube-apiserver registers its own. */
import type { KindRegistry } from '../../api/definition.ts';
import type { APIService } from '../../api/generated/types/apiregistration-v1.ts';
import { isReason } from '../../api/status.ts';
import { delay } from '../../client/backoff.ts';
import type { ApiClient, LeaderContext } from '../../client/types.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import { metricsResources } from '../metrics-api/resources.ts';
import { virtualResources } from '../virtual/index.ts';
import { apiServices } from './remote-services.ts';

const managedLabel = 'kube-aggregator.kubernetes.io/automanaged';
const checkMs = 5_000;

/** groupPriorityMinimum and versionPriority, as upstream's. What is not listed comes from a CustomResourceDefinition. */
const priorities: Readonly<Record<string, readonly [group: number, version: number]>> = {
  '/v1': [18_000, 1],
  'admissionregistration.k8s.io/v1': [16_700, 15],
  'apiextensions.k8s.io/v1': [16_700, 15],
  'apps/v1': [17_800, 15],
  'authentication.k8s.io/v1': [17_700, 15],
  'authorization.k8s.io/v1': [17_600, 15],
  'autoscaling/v1': [17_500, 15],
  'autoscaling/v2': [17_500, 30],
  'batch/v1': [17_400, 15],
  'certificates.k8s.io/v1': [17_300, 15],
  'coordination.k8s.io/v1': [16_500, 15],
  'discovery.k8s.io/v1': [16_200, 15],
  'events.k8s.io/v1': [17_750, 15],
  'flowcontrol.apiserver.k8s.io/v1': [16_100, 21],
  'metrics.k8s.io/v1beta1': [100, 100],
  'networking.k8s.io/v1': [17_200, 15],
  'node.k8s.io/v1': [16_300, 15],
  'policy/v1': [17_100, 15],
  'rbac.authorization.k8s.io/v1': [17_000, 15],
  'resource.k8s.io/v1': [16_200, 21],
  'scheduling.k8s.io/v1': [16_600, 15],
  'storage.k8s.io/v1': [16_800, 15],
};
const customPriorities = [1_000, 100] as const;
/** The API's own machinery, which upstream does not register either. */
const unregistered = 'apiregistration.k8s.io';

/** Pure: what should be there. */
export function localApiServices(
  resources: Iterable<{ readonly group: string; readonly version: string }>,
): APIService[] {
  const seen = new Map<string, APIService>();
  for (const { group, version } of resources) {
    const key = `${group}/${version}`;
    if (group === unregistered || seen.has(key)) continue;
    const builtIn = Object.hasOwn(priorities, key);
    const [groupPriorityMinimum, versionPriority] = builtIn ? priorities[key]! : customPriorities;
    seen.set(key, {
      apiVersion: 'apiregistration.k8s.io/v1',
      kind: 'APIService',
      metadata: { name: `${version}.${group}`, labels: { [managedLabel]: builtIn ? 'onstart' : 'true' } },
      spec: { group, version, groupPriorityMinimum, versionPriority },
    });
  }
  return [...seen.values()];
}

/** Level-based: what is missing is made, what nobody answers any more is removed. */
export function startLocalServices(
  { client, signal }: LeaderContext,
  registry: KindRegistry,
  clock: Clock,
  logger: Logger,
): void {
  const loop = async (): Promise<void> => {
    let before = '';
    while (!signal.aborted) {
      const wanted = localApiServices([...registry.definitions, ...virtualResources, ...metricsResources]);
      const names = wanted.map(({ metadata }) => metadata!.name).join();
      try {
        if (names !== before) await reconcile(client, wanted);
        before = names;
      } catch (error) {
        if (!signal.aborted)
          logger.warn({ error: String(error) }, 'own APIServices could not be written; next try soon');
      }
      await delay(clock, checkMs, signal);
    }
  };
  void loop();
}

async function reconcile(client: ApiClient, wanted: readonly APIService[]): Promise<void> {
  const { items } = await client.list<APIService>(apiServices);
  const present = new Set(items.map(({ metadata }) => metadata?.name));
  const names = new Set(wanted.map(({ metadata }) => metadata?.name));
  await Promise.all([
    ...wanted
      .filter(({ metadata }) => !present.has(metadata?.name))
      .map((service) => client.create(apiServices, service).catch(unless('AlreadyExists'))),
    ...items
      .filter(({ metadata, spec }) => !names.has(metadata?.name) && metadata?.labels?.[managedLabel] && !spec?.service)
      .map(({ metadata }) => client.delete(apiServices, { name: metadata!.name! }).catch(unless('NotFound'))),
  ]);
}

function unless(reason: 'AlreadyExists' | 'NotFound'): (error: unknown) => void {
  return (error) => {
    if (!isReason(error, reason)) throw error;
  };
}
