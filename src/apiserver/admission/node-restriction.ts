/**
 * What an agent writes must be its own (Kubernetes, "NodeRestriction"). The authorizer has judged path and verb; this judges
 * the object: a node may not pose as another, move pods, or give itself labels and taints by which work is steered.
 */
import type { Node, Pod } from '../../api/generated/types/core-v1.ts';
import { nodeLeaseNamespace, nodeNameOf } from '../authorization/node-authorizer.ts';
import { forbidden } from '../errors.ts';
import type { AdmissionPlugin, AdmissionRequest } from './types.ts';

/** Labels under kubernetes.io and k8s.io that an agent may set on its own node; others of those domains are the administrator's. */
const ownLabels = new Set([
  'kubernetes.io/hostname',
  'kubernetes.io/arch',
  'kubernetes.io/os',
  'beta.kubernetes.io/arch',
  'beta.kubernetes.io/os',
  'beta.kubernetes.io/instance-type',
  'node.kubernetes.io/instance-type',
  'topology.kubernetes.io/region',
  'topology.kubernetes.io/zone',
  'failure-domain.beta.kubernetes.io/region',
  'failure-domain.beta.kubernetes.io/zone',
]);
const ownLabelDomains = ['kubelet.kubernetes.io', 'node.kubernetes.io'];

export const nodeRestriction: AdmissionPlugin = (request) => {
  const node = nodeNameOf(request.user);
  if (node === undefined) return;
  const refuse = (why: string): never => {
    throw forbidden(request.definition, request.name, `node "${node}" ${why}`);
  };
  switch (`${request.definition.group}/${request.definition.resource}`) {
    case '/nodes':
      return checkNode(request, node, refuse);
    case '/pods':
      return checkPod(request, node, refuse);
    case 'coordination.k8s.io/leases':
      if (request.namespace !== nodeLeaseNamespace)
        refuse(`can only access leases in the "${nodeLeaseNamespace}" system namespace`);
      if (request.name !== node) refuse('can only access the lease with the same name as the requesting node');
      return;
    default:
      return;
  }
};

type Refuse = (why: string) => never;

function checkNode({ operation, name, object, oldObject }: AdmissionRequest, node: string, refuse: Refuse): void {
  if (name !== node) refuse(`is not allowed to modify node "${name}"`);
  if (operation === 'DELETE') refuse('is not allowed to delete nodes');
  const now = (object ?? {}) as Node;
  const before = oldObject as Node | undefined;
  if (before && JSON.stringify(before.spec?.taints ?? []) !== JSON.stringify(now.spec?.taints ?? [])) {
    refuse('is not allowed to modify taints');
  }
  if (before && (before.spec?.unschedulable ?? false) !== (now.spec?.unschedulable ?? false)) {
    refuse('is not allowed to cordon itself');
  }
  const wrong = changedLabels(now, before).filter((label) => !mayLabel(label));
  if (wrong.length > 0) refuse(`is not allowed to modify labels: ${wrong.join(', ')}`);
}

function changedLabels(now: Node, before: Node | undefined): string[] {
  const a = before?.metadata?.labels ?? {};
  const b = now.metadata?.labels ?? {};
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].filter((label) => a[label] !== b[label]);
}

function mayLabel(label: string): boolean {
  if (ownLabels.has(label)) return true;
  const domain = label.includes('/') ? label.slice(0, label.indexOf('/')) : '';
  if (ownLabelDomains.some((own) => domain === own || domain.endsWith(`.${own}`))) return true;
  return !['kubernetes.io', 'k8s.io'].some((kept) => domain === kept || domain.endsWith(`.${kept}`));
}

function checkPod({ operation, subresource, oldObject }: AdmissionRequest, node: string, refuse: Refuse): void {
  if (operation === 'CREATE') refuse('is not allowed to create pods, bindings or evictions');
  if (operation === 'UPDATE' && subresource !== 'status') refuse('can only update the status of pods');
  if ((oldObject as Pod | undefined)?.spec?.nodeName !== node)
    refuse('can only touch pods with spec.nodeName set to itself');
}
