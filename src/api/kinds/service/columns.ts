/** `kubectl get services`. */
import type { Service } from '../../generated/types/core-v1.ts';
import { ageColumn, column, nameColumn } from '../../table/column.ts';
import { formatLabels, joined, none } from '../../table/format.ts';

export const serviceColumns = [
  nameColumn,
  column<Service>('Type', 'How the Service is reached.', ({ spec }) => spec?.type ?? ''),
  column<Service>(
    'Cluster-IP',
    'Address within the cluster.',
    ({ spec }) => spec?.clusterIPs?.[0] || spec?.clusterIP || none,
  ),
  column<Service>('External-IP', 'Addresses from outside.', externalIp),
  column<Service>('Port(s)', 'Ports, with node ports where there are any.', ports),
  ageColumn,
  column<Service>('Selector', 'Which pods belong to it.', ({ spec }) => formatLabels(spec?.selector), { priority: 1 }),
];

function externalIp({ spec, status }: Service): string {
  const given = spec?.externalIPs ?? [];
  switch (spec?.type) {
    case 'LoadBalancer': {
      const ingress = (status?.loadBalancer?.ingress ?? []).map(({ ip, hostname }) => ip || hostname || '');
      const all = [...ingress.filter((one) => one !== ''), ...given];
      return all.length > 0 ? all.join(',') : '<pending>';
    }
    case 'ExternalName':
      return spec.externalName ?? '';
    default:
      return joined(given);
  }
}

function ports({ spec }: Service): string {
  return joined(
    (spec?.ports ?? []).map(({ port, nodePort, protocol }) =>
      nodePort ? `${port}:${nodePort}/${protocol}` : `${port}/${protocol}`,
    ),
  );
}
