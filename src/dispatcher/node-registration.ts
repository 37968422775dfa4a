/** Brings the Node object in line with what its agent says of itself: labels, annotations and status; the spec belongs to others. */
import { isDeepStrictEqual } from 'node:util';
import type { Node, NodeStatus } from '../api/generated/types/core-v1.ts';
import { isReason } from '../api/status.ts';
import { resources } from '../api/types.ts';
import type { ApiClient } from '../client/types.ts';
import { type RetryOptions, retry } from './retry.ts';
import { isJudgedLost, mergeNodeStatus } from './status-merge.ts';

/** Creates the Node if there is none. @throws ApiError for a definite refusal */
export async function registerNode(client: ApiClient, name: string, hello: Node, options: RetryOptions): Promise<void> {
  await retry(options, async () => {
    const current = (await find(client, name)) ?? (await create(client, name, hello));
    const labelled = await label(client, current, hello);
    // A fleet that changes masters must not be a storm of writes that say nothing new.
    if (saysNews(labelled.status, hello.status)) await writeStatus(client, labelled, hello.status ?? {});
  });
}

/** @throws ApiError for a definite refusal */
export async function reportNodeStatus(
  client: ApiClient,
  name: string,
  reported: NodeStatus,
  options: RetryOptions,
): Promise<void> {
  await retry(options, async () => {
    await writeStatus(client, await client.get<Node>(resources.nodes, { name }), reported);
  });
}

/**
 * Writes the status again over the judgement that the node is lost. `due` is asked before each attempt: undefined means that the time
 * for it is over. Resolves with whether something was written. @throws ApiError for a definite refusal
 */
export async function restoreNodeStatus(
  client: ApiClient,
  name: string,
  due: () => NodeStatus | undefined,
  options: RetryOptions,
): Promise<boolean> {
  return retry(options, async () => {
    if (!due()) return false;
    const current = await client.get<Node>(resources.nodes, { name });
    const reported = due();
    if (!reported || !isJudgedLost(current.status)) return false;
    await writeStatus(client, current, reported);
    return true;
  });
}

/** Whether the report changes more than the time at which something was last looked at. */
function saysNews(current: NodeStatus | undefined, reported: NodeStatus | undefined): boolean {
  if (!reported) return false;
  const timeless = (status: NodeStatus | undefined) => ({
    ...status,
    conditions: status?.conditions?.map((condition) => ({ ...condition, lastHeartbeatTime: undefined })),
  });
  return !isDeepStrictEqual(timeless(mergeNodeStatus(current, reported)), timeless(current));
}

async function find(client: ApiClient, name: string): Promise<Node | undefined> {
  try {
    return await client.get<Node>(resources.nodes, { name });
  } catch (error) {
    if (isReason(error, 'NotFound')) return undefined;
    throw error;
  }
}

async function create(client: ApiClient, name: string, hello: Node): Promise<Node> {
  const { labels, annotations } = hello.metadata ?? {};
  const node: Node = {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels, annotations },
    spec: hello.spec ?? {},
  };
  try {
    return await client.create<Node>(resources.nodes, node);
  } catch (error) {
    // By an earlier attempt of ours, or through another master.
    if (isReason(error, 'AlreadyExists')) return client.get<Node>(resources.nodes, { name });
    throw error;
  }
}

async function label(client: ApiClient, current: Node, hello: Node): Promise<Node> {
  const metadata: Record<string, Record<string, string>> = {};
  for (const field of ['labels', 'annotations'] as const) {
    const present = current.metadata?.[field] ?? {};
    const wanted = Object.entries(hello.metadata?.[field] ?? {}).filter(([key, value]) => present[key] !== value);
    if (wanted.length > 0) metadata[field] = Object.fromEntries(wanted);
  }
  if (Object.keys(metadata).length === 0) return current;
  return client.patch<Node>(resources.nodes, { name: current.metadata?.name ?? '' }, 'merge', { metadata });
}

async function writeStatus(client: ApiClient, current: Node, reported: NodeStatus): Promise<void> {
  const status = mergeNodeStatus(current.status, reported);
  await client.update<Node>(resources.nodes, { ...current, status }, 'status');
}
