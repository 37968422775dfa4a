/**
 * What an agent writes must be its own (Kubernetes, "NodeRestriction"). The authorizer has judged path and verb; this judges
 * the object: a node may not pose as another, move pods, or give itself labels and taints by which work is steered.
 */
import type { Node, Pod } from '../../api/generated/types/core-v1.ts';
import { type KubernetesObject, resources, type TypedObject } from '../../api/types.ts';
import type { Store } from '../../store/types.ts';
import { nodeLeaseNamespace, nodeNameOf } from '../authorization/node-authorizer.ts';
import { referencedNames } from '../authorization/pod-references.ts';
import { forbidden, notFound } from '../errors.ts';
import { objectKey } from '../keys.ts';
import { decodeShared, recordOf } from '../object-record.ts';
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
const restrictedDomain = 'node-restriction.kubernetes.io';
const mirrorAnnotation = 'kubernetes.io/config.mirror';

interface Judged {
  readonly request: AdmissionRequest;
  /** The node that speaks. */
  readonly node: string;
  readonly refuse: (why: string) => never;
}

const judges: Readonly<Record<string, (judged: Judged, store: Pick<Store, 'get'>) => void>> = {
  '/nodes': judgeNode,
  '/pods': judgePod,
  '/persistentvolumeclaims': judgeClaim,
  'coordination.k8s.io/leases': judgeLease,
  'storage.k8s.io/csinodes': judgeCsiNode,
  'resource.k8s.io/resourceslices': judgeSlice,
};

export function nodeRestriction(store: Pick<Store, 'get'>): AdmissionPlugin {
  return {
    name: 'NodeRestriction',
    handles: ({ definition, operation }) =>
      operation !== 'CONNECT' && Object.hasOwn(judges, `${definition.group}/${definition.resource}`),
    mutate(request) {
      const node = nodeNameOf(request.user);
      if (node === undefined) return;
      const { definition, name } = request;
      const refuse = (why: string): never => {
        throw forbidden(definition, name, why);
      };
      judges[`${definition.group}/${definition.resource}`]?.({ request, node, refuse }, store);
    },
  };
}

function judgeNode({ request, node, refuse }: Judged): void {
  const { operation, name, object, oldObject } = request;
  if (name !== node) refuse(`node "${node}" is not allowed to modify node "${name}"`);
  const now = (object ?? {}) as Node;
  const before = oldObject as Node | undefined;
  if (operation === 'DELETE') return;
  if (operation === 'UPDATE' && before) {
    if (now.spec?.configSource && !same(now.spec.configSource, before.spec?.configSource)) {
      refuse(`node "${node}" is not allowed to update configSource to a new non-nil configSource`);
    }
    if (!same(before.spec?.taints ?? [], now.spec?.taints ?? [])) {
      refuse(`node "${node}" is not allowed to modify taints`);
    }
    if (!same(before.metadata?.ownerReferences ?? [], now.metadata?.ownerReferences ?? [])) {
      refuse(`node "${node}" is not allowed to modify ownerReferences`);
    }
  } else if (now.spec?.configSource) {
    refuse(`node "${node}" is not allowed to create pods with a non-nil configSource`);
  }
  const wrong = changedLabels(now, before).filter((label) => !mayLabel(label));
  if (wrong.length === 0) return;
  const list = wrong.sort().join(', ');
  if (before) refuse(`is not allowed to modify labels: ${list}`);
  refuse(`node "${node}" is not allowed to set the following labels: ${list}`);
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function changedLabels(now: TypedObject, before: TypedObject | undefined): string[] {
  const a = before?.metadata?.labels ?? {};
  const b = now.metadata?.labels ?? {};
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].filter((label) => a[label] !== b[label]);
}

function mayLabel(label: string): boolean {
  if (ownLabels.has(label)) return true;
  const domain = label.includes('/') ? label.slice(0, label.indexOf('/')) : '';
  const within = (outer: string) => domain === outer || domain.endsWith(`.${outer}`);
  if (within(restrictedDomain)) return false;
  return ownLabelDomains.some(within) || !['kubernetes.io', 'k8s.io'].some(within);
}

function judgePod(judged: Judged, store: Pick<Store, 'get'>): void {
  const { request, node, refuse } = judged;
  const { operation, subresource } = request;
  const expect = (expected: string) => {
    if (operation !== expected) refuse(`unexpected operation "${operation}"`);
  };
  if (subresource === 'status') {
    expect('UPDATE');
    judgePodStatus(judged);
  } else if (subresource === 'eviction') {
    expect('CREATE');
    const item = store.get(objectKey(resources.pods, request.namespace, request.name));
    if (!item) throw notFound(resources.pods, request.name);
    if ((decodeShared(recordOf(item)) as Pod).spec?.nodeName === node) return;
    refuse(`node ${node} can only evict pods with spec.nodeName set to itself`);
  } else if (subresource !== undefined) {
    refuse(`unexpected pod subresource "${subresource}", only 'status' and 'eviction' are allowed`);
  } else if (operation === 'CREATE') judgeMirrorPod(judged, store);
  else if (operation === 'UPDATE') {
    refuse(`unexpected operation "${operation}", node "${node}" can only create and delete mirror pods`);
  } else if ((request.oldObject as Pod | undefined)?.spec?.nodeName !== node) {
    refuse(`node "${node}" can only delete pods with spec.nodeName set to itself`);
  }
}

/** The image in the API of a pod that the node runs by itself. */
function judgeMirrorPod({ request, node, refuse }: Judged, store: Pick<Store, 'get'>): void {
  const { metadata, spec } = request.object as Pod;
  if (metadata?.annotations?.[mirrorAnnotation] === undefined) {
    refuse(`pod does not have "${mirrorAnnotation}" annotation, node "${node}" can only create mirror pods`);
  }
  if (spec?.nodeName !== node) refuse(`node "${node}" can only create pods with spec.nodeName set to itself`);
  const [owner, second] = metadata?.ownerReferences ?? [];
  if (second) refuse(`node "${node}" can only create pods with a single owner reference set to itself`);
  if (owner?.apiVersion !== 'v1' || owner.kind !== 'Node' || owner.name !== node) {
    throw refuse(`node "${node}" can only create pods with an owner reference set to itself`);
  }
  if (!owner.controller) {
    refuse(`node "${node}" can only create pods with a controller owner reference set to itself`);
  }
  if (owner.blockOwnerDeletion) refuse(`node "${node}" must not set blockOwnerDeletion on an owner reference`);
  const item = store.get(objectKey(resources.nodes, undefined, node));
  if (!item) throw notFound(resources.nodes, node);
  const uid = decodeShared(recordOf(item)).metadata?.uid ?? '';
  if (owner.uid !== uid) refuse(`node ${node} UID mismatch: expected ${owner.uid} got ${uid}`);
  const reference = referenceOf(request.object as Pod);
  if (reference) refuse(`node "${node}" can not create pods that reference ${reference}`);
}

/** A mirror pod must not open the way to objects of others. */
function referenceOf(pod: Pod): string | undefined {
  if (pod.spec?.serviceAccountName) return 'serviceaccounts';
  for (const resource of ['secrets', 'configmaps'] as const) {
    if ([...referencedNames(pod, resource)].length > 0) return resource;
  }
  if (pod.spec?.volumes?.some(({ persistentVolumeClaim }) => persistentVolumeClaim)) return 'persistentvolumeclaims';
  return (pod.spec?.resourceClaims?.length ?? 0) > 0 ? 'resourceclaims' : undefined;
}

function judgePodStatus({ request, node, refuse }: Judged): void {
  const [now, before] = [request.object as Pod, request.oldObject as Pod];
  if (before.spec?.nodeName !== node) {
    refuse(`node "${node}" can only update pod status for pods with spec.nodeName set to itself`);
  }
  if (changedLabels(now, before).length > 0) {
    refuse(`node "${node}" cannot update labels through pod status`);
  }
  if (!same(before.status?.resourceClaimStatuses ?? [], now.status?.resourceClaimStatuses ?? [])) {
    refuse(`node "${node}" cannot update resource claim statues`);
  }
  if (!same(before.status?.extendedResourceClaimStatus, now.status?.extendedResourceClaimStatus)) {
    refuse(`node "${node}" cannot update extended resource claim status`);
  }
}

function judgeClaim({ request, refuse }: Judged): void {
  if (request.subresource !== 'status') refuse('may only update PVC status');
  if (request.operation !== 'UPDATE') refuse(`unexpected operation "${request.operation}"`);
}

function judgeLease({ request, node, refuse }: Judged): void {
  if (request.namespace !== nodeLeaseNamespace) {
    refuse(`can only access leases in the "${nodeLeaseNamespace}" system namespace`);
  }
  if (request.name !== node) refuse('can only access node lease with the same name as the requesting node');
}

function judgeCsiNode({ request, node, refuse }: Judged): void {
  if (request.name !== node) refuse('can only access CSINode with the same name as the requesting node');
}

function judgeSlice({ request, node, refuse }: Judged): void {
  const nodeOf = (slice: KubernetesObject | undefined) => (slice?.spec as { nodeName?: string } | undefined)?.nodeName;
  if (request.operation === 'CREATE' && nodeOf(request.object) !== node) {
    refuse('can only create ResourceSlice with the same NodeName as the requesting node');
  }
  if (request.operation !== 'CREATE' && nodeOf(request.oldObject) !== node) {
    const verb = request.operation === 'DELETE' ? 'delete' : 'update';
    refuse(`can only ${verb} ResourceSlice with the same NodeName as the requesting node`);
  }
}
