/** Where the agent of a node listens. */
import type { Node, Pod } from '../../api/generated/types/core-v1.ts';
import { ApiError, isReason } from '../../api/status.ts';

const defaultAgentPort = 10250;

export interface AgentEndpoint {
  readonly nodeName: string;
  readonly host: string;
  readonly port: number;
}

/** Reads a node as this replica knows it; rejects with an ApiError `NotFound` when there is none. */
export type FindNode = (name: string) => Promise<Node>;

/** @throws ApiError `BadRequest` for a pod without a node, `ServiceUnavailable` when its node cannot be reached by what is known of it. */
export async function agentEndpoint(pod: Pod, findNode: FindNode): Promise<AgentEndpoint> {
  const nodeName = pod.spec?.nodeName;
  if (!nodeName) throw new ApiError('BadRequest', `pod ${pod.metadata?.name ?? ''} does not have a host assigned`);
  const node = await findNode(nodeName).catch((error: unknown) => {
    if (isReason(error, 'NotFound')) {
      throw new ApiError(
        'ServiceUnavailable',
        `node "${nodeName}" of pod "${pod.metadata?.name ?? ''}" does not exist`,
        undefined,
        {
          cause: error,
        },
      );
    }
    throw error;
  });
  return nodeEndpoint(node, nodeName);
}

/** @throws ApiError `ServiceUnavailable` for a node that has not said where it is. */
export function nodeEndpoint(node: Node, nodeName: string): AgentEndpoint {
  const addresses = node.status?.addresses ?? [];
  const address =
    addresses.find((candidate) => candidate.type === 'InternalIP') ??
    addresses.find((candidate) => candidate.type === 'Hostname');
  if (!address) throw new ApiError('ServiceUnavailable', `node "${nodeName}" has not reported an address`);
  return {
    nodeName,
    host: address.address,
    port: node.status?.daemonEndpoints?.kubeletEndpoint?.Port || defaultAgentPort,
  };
}
