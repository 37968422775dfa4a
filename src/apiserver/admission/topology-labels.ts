/** Pods get the zone and region of the node that they come to as labels of their own (Kubernetes, "PodTopologyLabels"). */
import { type KubernetesObject, resources } from '../../api/types.ts';
import type { Store } from '../../store/types.ts';
import { objectKey } from '../keys.ts';
import { decodeShared, recordOf } from '../object-record.ts';
import { isAbout } from './scope.ts';
import type { AdmissionPlugin } from './types.ts';

const copied = ['topology.kubernetes.io/zone', 'topology.kubernetes.io/region'];

export function topologyLabels(store: Pick<Store, 'get'>): AdmissionPlugin {
  return {
    name: 'PodTopologyLabels',
    handles: (scope) =>
      isAbout(scope, resources.pods) &&
      scope.operation === 'CREATE' &&
      (scope.subresource === undefined || scope.subresource === 'binding'),
    mutate({ object, subresource }) {
      const nodeName = subresource === undefined ? nodeOfPod(object) : nodeOfBinding(object);
      const node = nodeName && store.get(objectKey(resources.nodes, undefined, nodeName));
      if (!node || !object) return;
      const labels = decodeShared(recordOf(node)).metadata?.labels ?? {};
      const found = copied.filter((label) => Object.hasOwn(labels, label));
      if (found.length === 0) return;
      const own = Object.fromEntries(found.map((label) => [label, labels[label]!]));
      object.metadata = { ...object.metadata, labels: { ...object.metadata?.labels, ...own } };
    },
  };
}

function nodeOfPod(object: KubernetesObject | undefined): string | undefined {
  return (object?.spec as { nodeName?: string } | undefined)?.nodeName;
}

function nodeOfBinding(object: KubernetesObject | undefined): string | undefined {
  const { kind, name } = (object?.target ?? {}) as { kind?: string; name?: string };
  return kind === 'Node' ? name : undefined;
}
