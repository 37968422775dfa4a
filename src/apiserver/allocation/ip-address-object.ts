/** The IPAddress that says which Service has an address. Pure. */
import type { Service } from '../../api/generated/types/core-v1.ts';
import type { IPAddress } from '../../api/generated/types/networking-v1.ts';
import { familyOf } from '../../api/meta/address-range.ts';
import { timestampOf } from '../../api/meta/timestamp.ts';
import type { KubernetesObject } from '../../api/types.ts';

export const ipAddresses = { group: 'networking.k8s.io', version: 'v1', resource: 'ipaddresses' };
export const serviceCidrs = { group: 'networking.k8s.io', version: 'v1', resource: 'servicecidrs' };

export const managedByLabel = 'ipaddress.kubernetes.io/managed-by';
/** Upstream's name for whoever gives out addresses. */
export const managedBy = 'ipallocator.k8s.io';

export function ipAddressObject(address: string, service: Service, uid: string, nowMs: number): KubernetesObject {
  const { namespace, name } = service.metadata ?? {};
  const object: IPAddress = {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'IPAddress',
    metadata: {
      name: address,
      uid,
      creationTimestamp: timestampOf(nowMs),
      labels: { 'ipaddress.kubernetes.io/ip-family': familyOf(address), [managedByLabel]: managedBy },
    },
    spec: { parentRef: { resource: 'services', namespace: namespace!, name: name! } },
  };
  return object as unknown as KubernetesObject;
}
