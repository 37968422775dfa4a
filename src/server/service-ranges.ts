/** Where addresses of Services come from: the configuration's ranges become the ServiceCIDR `kubernetes`. */
import type { ServiceCIDR } from '../api/generated/types/networking-v1.ts';
import { type IpFamily, usableRange } from '../api/meta/address-range.ts';
import { timestampOf } from '../api/meta/timestamp.ts';
import { isReason } from '../api/status.ts';
import type { ApiClient } from '../client/types.ts';

const serviceCidrs = { group: 'networking.k8s.io', version: 'v1', resource: 'servicecidrs' };
const name = 'kubernetes';
export const serviceCidrFinalizer = 'networking.k8s.io/service-cidr-finalizer';

/** Of one family, or of both with a comma between them: `10.96.0.0/16,fd00:10:96::/112`. */
export function serviceRanges(serviceCidr: string): string[] {
  return serviceCidr.split(',').map((cidr) => cidr.trim());
}

/** The usual family first. */
export function serviceFamilies(serviceCidr: string): IpFamily[] {
  return serviceRanges(serviceCidr).flatMap((cidr) => usableRange(cidr)?.family ?? []);
}

/** Creates it if it is missing, and says at once that it is ready. An existing one stays: ranges of a running cluster are changed through the API. */
export async function ensureServiceCidr(client: ApiClient, serviceCidr: string, nowMs: number): Promise<void> {
  const wanted: ServiceCIDR = {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'ServiceCIDR',
    metadata: { name, finalizers: [serviceCidrFinalizer] },
    spec: { cidrs: serviceRanges(serviceCidr) },
  };
  let present: ServiceCIDR;
  try {
    present = await client.create(serviceCidrs, wanted);
  } catch (error) {
    if (!isReason(error, 'AlreadyExists')) throw error;
    present = await client.get<ServiceCIDR>(serviceCidrs, { name });
  }
  if (present.status?.conditions?.some(({ type }) => type === 'Ready')) return;
  const ready = {
    type: 'Ready',
    status: 'True' as const,
    reason: '',
    message: 'Kubernetes Service CIDR is ready',
    lastTransitionTime: timestampOf(nowMs),
  };
  await client.update(serviceCidrs, { ...present, status: { conditions: [ready] } }, 'status');
}
