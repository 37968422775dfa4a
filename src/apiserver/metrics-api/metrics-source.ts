/**
 * Reads usage from the agents when it is asked for. What an agent said is used for {@link cacheMs}, so that many who ask cost one question per node;
 * a node that does not answer is left out.
 */
import { text } from 'node:stream/consumers';
import type { Node, Pod } from '../../api/generated/types/core-v1.ts';
import { ApiError } from '../../api/status.ts';
import { resources } from '../../api/types.ts';
import type { ApiClient } from '../../client/types.ts';
import type { Clock } from '../../lib/clock.ts';
import type { AgentClient } from '../streaming/agent-client.ts';
import { nodeEndpoint } from '../streaming/agent-endpoint.ts';
import { type AgentPod, type AgentSummary, nodeMetrics, podMetrics } from './convert.ts';

const cacheMs = 10_000;
const answerTimeoutMs = 10_000;
/** Agents asked at one time. */
const maxConcurrent = 50;
/** Of all pods of one node. */
const maxAnswerBytes = 16 * 1024 * 1024;

export interface Selection {
  readonly name?: string | undefined;
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
}

export interface MetricsSourceOptions {
  /** Reads as this master. */
  readonly client: ApiClient;
  readonly agents: Pick<AgentClient, 'get'>;
  readonly clock: Clock;
}

export class MetricsSource {
  readonly #options: MetricsSourceOptions;
  readonly #answers = new Map<string, { readonly atMs: number; readonly answer: Promise<AgentSummary | undefined> }>();

  constructor(options: MetricsSourceOptions) {
    this.#options = options;
  }

  /** @throws ApiError BadRequest for a selector that cannot be read */
  async nodes(selection: Selection): Promise<object[]> {
    const nodes = await this.#select<Node>(resources.nodes, selection);
    const summaries = await this.#ask(nodes);
    return nodes.flatMap((node) => {
      const summary = summaries.get(node.metadata?.name ?? '');
      return (summary && nodeMetrics(node, summary.node)) ?? [];
    });
  }

  /** @throws ApiError BadRequest for a selector that cannot be read */
  async pods(selection: Selection): Promise<object[]> {
    const pods = await this.#select<Pod>(resources.pods, selection);
    const names = new Set(pods.map(({ spec }) => spec?.nodeName ?? ''));
    const { items } = await this.#options.client.list<Node>(resources.nodes, { resourceVersion: '0' });
    const summaries = await this.#ask(items.filter(({ metadata }) => names.has(metadata?.name ?? '')));
    const usages = new Map<string, AgentPod>();
    for (const summary of summaries.values()) for (const pod of summary.pods ?? []) usages.set(pod.podRef.uid, pod);
    return pods.flatMap((pod) => {
      const usage = usages.get(pod.metadata?.uid ?? '');
      return (usage && podMetrics(pod, usage)) ?? [];
    });
  }

  async #select<T extends Node | Pod>(
    resource: (typeof resources)['nodes'] | (typeof resources)['pods'],
    { name, namespace, labelSelector, fieldSelector }: Selection,
  ): Promise<T[]> {
    const { client } = this.#options;
    if (name !== undefined) return [await client.get<T>(resource, { namespace, name }, { resourceVersion: '0' })];
    const { items } = await client.list<T>(resource, { namespace, labelSelector, fieldSelector, resourceVersion: '0' });
    return items;
  }

  async #ask(nodes: readonly Node[]): Promise<Map<string, AgentSummary>> {
    const found = new Map<string, AgentSummary>();
    const waiting = [...nodes];
    const next = async (): Promise<void> => {
      for (let node = waiting.pop(); node; node = waiting.pop()) {
        const name = node.metadata?.name ?? '';
        const summary = await this.#summary(node, name);
        if (summary) found.set(name, summary);
      }
    };
    await Promise.all(Array.from({ length: Math.min(maxConcurrent, nodes.length) }, next));
    return found;
  }

  #summary(node: Node, name: string): Promise<AgentSummary | undefined> {
    const nowMs = this.#options.clock.monotonicMs();
    for (const [key, { atMs }] of this.#answers) if (nowMs - atMs >= cacheMs) this.#answers.delete(key);
    const known = this.#answers.get(name);
    if (known) return known.answer;
    const answer = this.#fetch(node, name).catch(() => undefined);
    this.#answers.set(name, { atMs: nowMs, answer });
    return answer;
  }

  async #fetch(node: Node, name: string): Promise<AgentSummary> {
    const response = await this.#options.agents.get(nodeEndpoint(node, name), {
      method: 'GET',
      path: '/stats/summary?only_cpu_and_memory=true',
      headers: {},
      signal: AbortSignal.timeout(answerTimeoutMs),
    });
    if (Number(response.headers['content-length'] ?? 0) > maxAnswerBytes) {
      response.destroy();
      throw new ApiError('InternalError', `node "${name}" answers with too much`);
    }
    return JSON.parse(await text(response)) as AgentSummary;
  }
}
