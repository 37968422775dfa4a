/** `kubectl get nodes`. */
import type { Node } from '../../generated/types/core-v1.ts';
import { ageColumn, column, nameColumn } from '../../table/column.ts';
import { none, unknown } from '../../table/format.ts';

const wide = { priority: 1 };
const rolePrefix = 'node-role.kubernetes.io/';
const roleLabel = 'kubernetes.io/role';

export const nodeColumns = [
  nameColumn,
  column<Node>('Status', 'Whether the node is ready and takes new pods.', status),
  column<Node>('Roles', 'Roles that its labels tell.', roles),
  ageColumn,
  column<Node>('Version', 'Kubernetes version of its agent.', ({ status }) => status?.nodeInfo?.kubeletVersion ?? ''),
  column<Node>('Internal-IP', 'Address within the cluster.', (node) => address(node, 'InternalIP'), wide),
  column<Node>('External-IP', 'Address from outside.', (node) => address(node, 'ExternalIP'), wide),
  column<Node>('OS-Image', 'Operating system.', ({ status }) => status?.nodeInfo?.osImage || unknown, wide),
  column<Node>('Kernel-Version', 'Kernel.', ({ status }) => status?.nodeInfo?.kernelVersion || unknown, wide),
  column<Node>(
    'Container-Runtime',
    'What runs its containers.',
    ({ status }) => status?.nodeInfo?.containerRuntimeVersion || unknown,
    wide,
  ),
];

function status({ spec, status }: Node): string {
  const ready = status?.conditions?.find((condition) => condition.type === 'Ready');
  const word = ready === undefined ? 'Unknown' : ready.status === 'True' ? 'Ready' : 'NotReady';
  return spec?.unschedulable ? `${word},SchedulingDisabled` : word;
}

function roles({ metadata }: Node): string {
  const found = new Set<string>();
  for (const [key, value] of Object.entries(metadata?.labels ?? {})) {
    if (key.startsWith(rolePrefix) && key.length > rolePrefix.length) found.add(key.slice(rolePrefix.length));
    else if (key === roleLabel && value !== '') found.add(value);
  }
  return found.size === 0 ? none : [...found].sort().join(',');
}

function address({ status }: Node, type: string): string {
  return status?.addresses?.find((one) => one.type === type)?.address ?? none;
}
