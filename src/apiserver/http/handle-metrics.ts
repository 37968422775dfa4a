/** GET of `metrics.k8s.io`: what nodes and pods use now. */
import { ApiError } from '../../api/status.ts';
import { methodNotAllowed, resourceNotServed } from '../errors.ts';
import type { MetricsSource } from '../metrics-api/metrics-source.ts';
import { metricsResources } from '../metrics-api/resources.ts';
import type { ResourceApi } from '../resource-api.ts';
import type { Target } from '../target.ts';
import type { Exchange } from './exchange.ts';
import { listOptions } from './query-options.ts';

/** @throws ApiError */
export async function handleMetrics(
  api: ResourceApi,
  source: MetricsSource | undefined,
  exchange: Exchange,
  target: Target,
  verb: string,
): Promise<void> {
  const { resource, namespace, name, subresource } = target;
  const definition = metricsResources.find(
    (one) => one.resource === resource.resource && one.version === resource.version,
  );
  if (!definition || subresource !== undefined) throw resourceNotServed();
  if (verb !== 'get' && verb !== 'list') throw methodNotAllowed(definition, verb);
  await api.authorize(exchange.context, target, verb);
  if (!source) throw new ApiError('ServiceUnavailable', 'this server reads no usage from nodes');
  const { labelSelector, fieldSelector } = listOptions(exchange.query);
  const selection = name === undefined ? { namespace, labelSelector, fieldSelector } : { namespace, name };
  const items = await (resource.resource === 'nodes' ? source.nodes(selection) : source.pods(selection));
  if (name === undefined) {
    const apiVersion = `${definition.group}/${definition.version}`;
    return exchange.sendJson(200, { kind: definition.listKind, apiVersion, metadata: {}, items });
  }
  const [item] = items;
  if (item) return exchange.sendJson(200, item);
  throw new ApiError('NotFound', `${definition.resource}.${definition.group} "${name}" not found`);
}
