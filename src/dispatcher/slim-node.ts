/** What every agent is told of every node: enough to reach its pods. Pure. */
import type { Node } from '../api/generated/types/core-v1.ts';

export function slimNode(node: Node): Node {
  const { podCIDR, podCIDRs } = node.spec ?? {};
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name: node.metadata?.name,
      uid: node.metadata?.uid,
      resourceVersion: node.metadata?.resourceVersion,
    },
    spec: { podCIDR, podCIDRs },
    status: { addresses: node.status?.addresses },
  };
}

/** Whether an agent would see a difference. */
export function sameSlimNode(a: Node, b: Node): boolean {
  return visible(a) === visible(b);
}

function visible(node: Node): string {
  const { metadata, spec, status } = slimNode(node);
  return JSON.stringify([metadata?.uid, spec, status]);
}
