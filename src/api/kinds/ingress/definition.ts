/** networking.k8s.io/v1 Ingress. */
import type { Ingress } from '../../generated/types/networking-v1.ts';
import { ageColumn, column, nameColumn } from '../../table/column.ts';
import { none } from '../../table/format.ts';
import { defineKind, statusSubresource } from '../define.ts';
import { ingressStrategy } from './strategy.ts';

const kind = { group: 'networking.k8s.io', version: 'v1', kind: 'Ingress' } as const;
const maxHosts = 3;

export const ingressDefinition = defineKind({
  ...kind,
  resource: 'ingresses',
  namespaced: true,
  shortNames: ['ing'],
  subresources: [statusSubresource(kind)],
  strategy: ingressStrategy,
  allColumns: [
    nameColumn,
    column<Ingress>('Class', 'Who serves it.', ({ spec }) => spec?.ingressClassName ?? none),
    column<Ingress>('Hosts', 'For which names.', hosts),
    column<Ingress>('Address', 'Where it is reached.', address),
    column<Ingress>('Ports', 'On which ports.', ({ spec }) => ((spec?.tls?.length ?? 0) > 0 ? '80, 443' : '80')),
    ageColumn,
  ],
});

function hosts({ spec }: Ingress): string {
  const named = (spec?.rules ?? []).map(({ host }) => host ?? '').filter((host) => host !== '');
  if (named.length === 0) return '*';
  const shown = named.slice(0, maxHosts).join(',');
  return named.length > maxHosts ? `${shown} + ${(spec?.rules?.length ?? 0) - maxHosts} more...` : shown;
}

function address({ status }: Ingress): string {
  const all = (status?.loadBalancer?.ingress ?? []).map(({ ip, hostname }) => ip || hostname || '');
  return [...new Set(all.filter((one) => one !== ''))].sort().join(',');
}
