/** Values that a pod's own fields give to its environment and volumes: fieldRef and resourceFieldRef. Pure. */

import type { ResourceFieldSelector } from '../../api/generated/types/core-v1.ts';
import { parseQuantity } from '../../api/meta/quantity.ts';
import type { WantedPod } from './types.ts';

export interface FieldContext {
  readonly pod: WantedPod;
  readonly podIps: readonly string[];
  readonly hostIp: string;
  readonly nodeName: string;
  /** Stand-ins for limits that are not set. */
  readonly allocatable: { readonly cpu: string; readonly memory: string; readonly ephemeralStorage: string };
}

const SUBSCRIPT = /^metadata\.(labels|annotations)\['(.*)'\]$/;

/** @throws Error for a path that is not supported. */
export function fieldValue(path: string, context: FieldContext): string {
  const { pod } = context;
  const subscript = SUBSCRIPT.exec(path);
  if (subscript) return pod.metadata[subscript[1] as 'labels' | 'annotations']?.[subscript[2]!] ?? '';
  switch (path) {
    case 'metadata.name':
      return pod.metadata.name;
    case 'metadata.namespace':
      return pod.metadata.namespace;
    case 'metadata.uid':
      return pod.metadata.uid;
    case 'metadata.labels':
      return mapText(pod.metadata.labels);
    case 'metadata.annotations':
      return mapText(pod.metadata.annotations);
    case 'spec.nodeName':
      return context.nodeName;
    case 'spec.serviceAccountName':
      return pod.spec.serviceAccountName ?? '';
    case 'status.podIP':
      return context.podIps[0] ?? '';
    case 'status.podIPs':
      return context.podIps.join(',');
    case 'status.hostIP':
    case 'status.hostIPs':
      return context.hostIp;
    default:
      throw new Error(`unsupported fieldPath "${path}"`);
  }
}

/** `key="value"` per line, by key, the value quoted as Go's %q does for plain text. */
function mapText(map: Record<string, string> | undefined): string {
  return Object.keys(map ?? {})
    .sort()
    .map((key) => `${key}=${JSON.stringify(map?.[key] ?? '')}`)
    .join('\n');
}

/** A container's request or limit, divided by the divisor and rounded up. @throws Error for an unknown resource. */
export function resourceValue(
  selector: ResourceFieldSelector,
  ownContainer: string | undefined,
  context: FieldContext,
): string {
  const name = selector.containerName ?? ownContainer;
  const { spec } = context.pod;
  const container = [...spec.containers, ...(spec.initContainers ?? [])].find((candidate) => candidate.name === name);
  if (!container) throw new Error(`resourceFieldRef names container "${name}", which is not in the pod`);
  const [kind, ...rest] = selector.resource.split('.');
  const resource = rest.join('.');
  const { requests, limits } = container.resources ?? {};
  let quantity: string | number | undefined;
  if (kind === 'limits')
    quantity = limits?.[resource] ?? spec.resources?.limits?.[resource] ?? fallback(resource, context);
  else if (kind === 'requests') quantity = requests?.[resource] ?? limits?.[resource] ?? 0;
  else throw new Error(`unsupported resource "${selector.resource}"`);
  const { nanos } = parseQuantity(String(quantity));
  const chosen = selector.divisor === undefined ? '1' : String(selector.divisor);
  const divisor = parseQuantity(chosen === '0' ? '1' : chosen).nanos;
  return String((nanos + divisor - 1n) / divisor);
}

function fallback(resource: string, { allocatable }: FieldContext): string {
  if (resource === 'cpu') return allocatable.cpu;
  if (resource === 'memory') return allocatable.memory;
  if (resource === 'ephemeral-storage') return allocatable.ephemeralStorage;
  return '0';
}
