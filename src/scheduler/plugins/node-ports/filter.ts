import type { FilterPlugin, HostPort } from '../../types.ts';

const anyAddress = '0.0.0.0';

/** Two pods on a node never ask for the same host port, protocol and address. */
export const nodePorts: FilterPlugin = {
  name: 'NodePorts',
  filter(pod, node) {
    if (pod.hostPorts.length === 0) return undefined;
    for (const other of node.pods.values()) {
      if (other.hostPorts.some((taken) => pod.hostPorts.some((wanted) => collide(taken, wanted)))) {
        return "node(s) didn't have free ports for the requested pod ports";
      }
    }
    return undefined;
  },
};

function collide(a: HostPort, b: HostPort): boolean {
  return (
    a.port === b.port && a.protocol === b.protocol && (a.ip === b.ip || a.ip === anyAddress || b.ip === anyAddress)
  );
}
