/**
 * What a node's agent may do: read what its pods need, write what is its own (Kubernetes, "Using Node Authorization").
 * What depends on the object that is written is checked once more in `admission/node-restriction.ts`.
 */
import type { Pod } from '../../api/generated/types/core-v1.ts';
import { parseFieldSelector } from '../../api/meta/field-selector.ts';
import { resources } from '../../api/types.ts';
import type { Store } from '../../store/types.ts';
import { collectionRange, objectKey } from '../keys.ts';
import { decodeShared, recordOf } from '../object-record.ts';
import { type Attributes, type Authorizer, type Decision, identities } from '../types.ts';
import { isAttachedTo, usesClaim, usesResourceClaim, usesVolume } from './node-storage.ts';
import { referencedNames } from './pod-references.ts';

const allowed: Decision = { allowed: true };

function deny(reason: string): Decision {
  return { allowed: false, reason };
}

/** The node that a user speaks for, or undefined. */
export function nodeNameOf(user: { readonly name: string; readonly groups: readonly string[] }): string | undefined {
  if (!user.groups.includes(identities.nodesGroup) || !user.name.startsWith(identities.nodeUserPrefix))
    return undefined;
  return user.name.slice(identities.nodeUserPrefix.length) || undefined;
}

const readVerbs = new Set(['get', 'list', 'watch']);

/** Namespace of the Leases by which nodes show that they live. */
export const nodeLeaseNamespace = 'kube-node-lease';

export function nodeAuthorizer(store: Store): Authorizer {
  return {
    authorize(attributes) {
      const node = nodeNameOf(attributes.user);
      if (node === undefined || !attributes.resource) return deny('');
      const { resource, group } = attributes.resource;
      switch (group === '' ? resource : `${resource}.${group}`) {
        case 'nodes':
          return nodes(attributes, node);
        case 'pods':
          return pods(store, attributes, node);
        case 'secrets':
        case 'configmaps':
          return references(store, attributes, node, resource as 'secrets' | 'configmaps');
        case 'serviceaccounts':
          return accounts(store, attributes, node);
        case 'leases.coordination.k8s.io':
          return leases(attributes, node);
        case 'events':
        case 'events.events.k8s.io':
          return ['create', 'patch', 'update'].includes(attributes.verb) ? allowed : deny('');
        case 'services':
        case 'endpointslices.discovery.k8s.io':
        case 'csidrivers.storage.k8s.io':
        case 'runtimeclasses.node.k8s.io':
          return readVerbs.has(attributes.verb) && !attributes.subresource ? allowed : deny('');
        case 'endpoints':
          return attributes.verb === 'get' && !attributes.subresource ? allowed : deny('');
        case 'certificatesigningrequests.certificates.k8s.io':
          return (readVerbs.has(attributes.verb) || attributes.verb === 'create') && !attributes.subresource
            ? allowed
            : deny('');
        case 'tokenreviews.authentication.k8s.io':
        case 'subjectaccessreviews.authorization.k8s.io':
        case 'localsubjectaccessreviews.authorization.k8s.io':
          return attributes.verb === 'create' ? allowed : deny('');
        case 'csinodes.storage.k8s.io':
          return csiNodes(attributes, node);
        case 'resourceslices.resource.k8s.io':
          return slices(attributes, node);
        case 'persistentvolumeclaims':
        case 'persistentvolumes':
        case 'volumeattachments.storage.k8s.io':
        case 'resourceclaims.resource.k8s.io':
          return storage(store, attributes, node);
        default:
          return deny('');
      }
    },
  };
}

function nodes({ verb, subresource, name }: Attributes, node: string): Decision {
  if (subresource !== undefined && subresource !== 'status') return deny('');
  if (verb === 'create' && subresource === undefined) return allowed;
  if (verb === 'list' || verb === 'watch') return subresource === undefined ? allowed : deny('');
  if (!['get', 'update', 'patch'].includes(verb)) return deny('');
  return name === node ? allowed : deny(`node "${node}" may not touch other nodes`);
}

function csiNodes({ verb, subresource, name }: Attributes, node: string): Decision {
  if (subresource !== undefined) return deny('');
  // A create has no name yet: admission looks at the object.
  if (verb === 'create') return allowed;
  if (!['get', 'update', 'patch', 'delete'].includes(verb)) return deny('');
  return name === node ? allowed : deny('can only access CSINode with the same name as the requesting node');
}

function slices({ verb, subresource, fieldSelector }: Attributes, node: string): Decision {
  if (subresource !== undefined) return deny('');
  // Whose the object is, is looked at by admission.
  if (['create', 'get', 'update', 'patch', 'delete'].includes(verb)) return allowed;
  const own = selects(fieldSelector, 'spec.nodeName', node);
  const refusal = 'can only list/watch/deletecollection resourceslices with nodeName field selector';
  return own && ['list', 'watch', 'deletecollection'].includes(verb) ? allowed : deny(refusal);
}

function storage(store: Store, attributes: Attributes, node: string): Decision {
  const { verb, subresource, resource, namespace = '', name } = attributes;
  const isClaim = resource?.resource === 'persistentvolumeclaims';
  // A node tells how far the growing of a claim is.
  const grows = isClaim && subresource === 'status' && (verb === 'update' || verb === 'patch');
  const reads = verb === 'get' && (subresource === undefined || (isClaim && subresource === 'status'));
  if (name === undefined || !(reads || grows)) return deny('');
  const related = {
    persistentvolumeclaims: () => usesClaim(store, namespace, name, node),
    persistentvolumes: () => usesVolume(store, name, node),
    volumeattachments: () => isAttachedTo(store, name, node),
    resourceclaims: () => usesResourceClaim(store, namespace, name, node),
  }[resource?.resource ?? ''];
  return related?.() ? allowed : deny(`no relationship found between node "${node}" and this object`);
}

function pods(store: Store, attributes: Attributes, node: string): Decision {
  const { verb, subresource, name, fieldSelector } = attributes;
  if (verb === 'list' || verb === 'watch') {
    const own = selects(fieldSelector, 'spec.nodeName', node);
    return own ? allowed : deny('can only list or watch pods with field selector spec.nodeName=<its own name>');
  }
  // Mirror pods; and what may be evicted is for the budget to say.
  if (verb === 'create' && subresource === undefined) return allowed;
  if (verb === 'create' && subresource === 'eviction') {
    return boundTo(store, attributes.namespace, name, node) ? allowed : deny('the pod is not bound to the node');
  }
  const statusWrite = subresource === 'status' && (verb === 'update' || verb === 'patch' || verb === 'get');
  if (!statusWrite && !(subresource === undefined && (verb === 'get' || verb === 'delete'))) return deny('');
  return boundTo(store, attributes.namespace, name, node) ? allowed : deny('the pod is not bound to the node');
}

function boundTo(store: Store, namespace: string | undefined, name: string | undefined, node: string): boolean {
  if (namespace === undefined || name === undefined) return false;
  const item = store.get(objectKey(resources.pods, namespace, name));
  // What does not exist may be asked for: the answer is that it does not.
  return item === undefined || (decodeShared(recordOf(item)) as Pod).spec?.nodeName === node;
}

function references(store: Store, attributes: Attributes, node: string, kind: 'secrets' | 'configmaps'): Decision {
  const { verb, namespace, subresource, fieldSelector } = attributes;
  if (!readVerbs.has(verb) || subresource !== undefined) return deny('');
  const name = attributes.name ?? nameSelected(fieldSelector);
  const refused = deny(`no relationship found between node "${node}" and this object`);
  if (namespace === undefined || name === undefined) return refused;
  for (const item of store.range(collectionRange(resources.pods, namespace)).items) {
    const pod = decodeShared(recordOf(item)) as Pod;
    if (pod.spec?.nodeName === node && referencedNames(pod, kind).has(name)) return allowed;
  }
  return refused;
}

/** Tokens of accounts that a pod of the node runs as; which pod is checked by the node restriction. */
function accounts(store: Store, { verb, subresource, namespace, name }: Attributes, node: string): Decision {
  if (verb !== 'create' || subresource !== 'token' || namespace === undefined) return deny('');
  for (const item of store.range(collectionRange(resources.pods, namespace)).items) {
    const { spec } = decodeShared(recordOf(item)) as Pod;
    if (spec?.nodeName === node && spec.serviceAccountName === name) return allowed;
  }
  return deny(`no relationship found between node "${node}" and this object`);
}

function leases({ verb, subresource, namespace, name }: Attributes, node: string): Decision {
  if (namespace !== nodeLeaseNamespace || subresource !== undefined) return deny('');
  if (verb === 'create') return allowed;
  if (!['get', 'update', 'patch', 'delete'].includes(verb)) return deny('');
  return name === node ? allowed : deny('can only access the node lease with the same name as the node');
}

function selects(fieldSelector: string | undefined, field: string, value: string): boolean {
  return parseFieldSelector(fieldSelector ?? '').some(
    (term) => term.field === field && term.value === value && !term.negated,
  );
}

function nameSelected(fieldSelector: string | undefined): string | undefined {
  return parseFieldSelector(fieldSelector ?? '').find((term) => term.field === 'metadata.name' && !term.negated)?.value;
}
