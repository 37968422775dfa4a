/** What the node tells of itself over HTTP: health, pods, statistics, configuration. */
import type { ServerResponse } from 'node:http';
import { ApiError } from '../../api/status.ts';
import type { KubernetesObject } from '../../api/types.ts';
import { isTrue } from './log-options.ts';
import type { NodePage } from './routes.ts';

export interface NodePages {
  /** Undefined: all is well; otherwise why not. */
  problem(): string | undefined;
  pods(): KubernetesObject[];
  /** As kubelet's own configuration shows, as far as there is something alike. */
  configuration(): object;
  summary(onlyCpuAndMemory: boolean): Promise<object>;
  /** In the text form of Prometheus. */
  metrics(kind: 'process' | 'resource' | 'cadvisor' | 'probes'): Promise<string>;
}

const PROMETHEUS = 'text/plain; version=0.0.4; charset=utf-8';

/** @throws ApiError */
export async function handleNodePage(
  pages: NodePages | undefined,
  page: NodePage,
  query: URLSearchParams,
  response: ServerResponse,
): Promise<void> {
  const text = (body: string, type = 'text/plain') => void response.writeHead(200, { 'content-type': type }).end(body);
  const json = (body: object) => text(JSON.stringify(body), 'application/json');
  if (page === 'healthz' || page === 'healthz/ping' || page === 'healthz/syncloop') {
    const problem = page === 'healthz/ping' ? undefined : pages?.problem();
    if (problem === undefined) return text('ok');
    throw new ApiError('InternalError', `healthz check failed: ${problem}`);
  }
  if (!pages) throw new ApiError('NotFound', 'this node tells nothing of itself');
  switch (page) {
    case 'pods':
    case 'runningpods':
      return json({ kind: 'PodList', apiVersion: 'v1', metadata: {}, items: pages.pods() });
    case 'configz':
      return json({ kubeletconfig: pages.configuration() });
    case 'stats/summary':
      return json(await pages.summary(isTrue(query.get('only_cpu_and_memory'))));
    case 'metrics':
      return text(await pages.metrics('process'), PROMETHEUS);
    case 'metrics/resource':
      return text(await pages.metrics('resource'), PROMETHEUS);
    case 'metrics/cadvisor':
      return text(await pages.metrics('cadvisor'), PROMETHEUS);
    case 'metrics/probes':
      return text(await pages.metrics('probes'), PROMETHEUS);
  }
}
