/** Which node announces the addresses of a Service. Pure. */
import { createHash } from 'node:crypto';
import type { Node, Service } from '../../api/generated/types/core-v1.ts';
import type { EndpointSlice } from '../../api/generated/types/discovery-v1.ts';

const excludeLabel = 'node.kubernetes.io/exclude-from-external-load-balancers';

/**
 * The present holder stays as long as it can; else the highest by a hash of Service and node, so that Services spread over the nodes. With the
 * external policy Local only nodes with ready endpoints can. Undefined: nobody can.
 */
export function chooseHolder(
  service: Service,
  nodes: readonly Node[],
  slices: readonly EndpointSlice[],
  silent: ReadonlySet<string>,
  present: string | undefined,
): string | undefined {
  const local =
    service.spec?.externalTrafficPolicy === 'Local'
      ? new Set(
          slices
            .flatMap(({ endpoints }) => endpoints ?? [])
            .filter(({ conditions }) => conditions?.ready !== false)
            .map(({ nodeName }) => nodeName),
        )
      : undefined;
  const able = nodes
    .filter((node) => isHealthy(node) && !silent.has(node.metadata!.name!))
    .map((node) => node.metadata!.name!)
    .filter((name) => local === undefined || local.has(name));
  if (present !== undefined && able.includes(present)) return present;
  const key = `${service.metadata?.namespace}/${service.metadata?.name}`;
  const weight = (name: string): string => createHash('sha256').update(`${key} ${name}`).digest('hex');
  return able.sort((a, b) => (weight(a) > weight(b) ? -1 : 1))[0];
}

function isHealthy({ metadata, status, spec }: Node): boolean {
  if (metadata?.deletionTimestamp || metadata?.labels?.[excludeLabel] !== undefined) return false;
  const leaves = spec?.taints?.some(({ key }) => key === 'ToBeDeletedByClusterAutoscaler') ?? false;
  return (
    !leaves && (status?.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True') ?? false)
  );
}
