/** networking.k8s.io/v1 NetworkPolicy. */
import type { NetworkPolicy } from '../../generated/types/networking-v1.ts';
import { column } from '../../table/column.ts';
import { formatSelector } from '../../table/format.ts';
import { defineKind } from '../define.ts';
import { firstGeneration, moveGeneration, typedStrategy } from '../strategy.ts';
import { validateNetworkPolicy } from './validate.ts';

export const networkPolicyDefinition = defineKind({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'NetworkPolicy',
  resource: 'networkpolicies',
  namespaced: true,
  shortNames: ['netpol'],
  columns: [
    column<NetworkPolicy>('Pod-Selector', 'Which pods it is for.', ({ spec }) =>
      formatSelector(spec?.podSelector ?? {}),
    ),
  ],
  strategy: typedStrategy<NetworkPolicy>({
    setDefaults({ spec }) {
      if (!spec) return;
      spec.podSelector ??= {};
      for (const rule of [...(spec.ingress ?? []), ...(spec.egress ?? [])]) {
        for (const port of rule.ports ?? []) port.protocol ??= 'TCP';
      }
      if ((spec.policyTypes?.length ?? 0) > 0) return;
      spec.policyTypes = (spec.egress?.length ?? 0) > 0 ? ['Ingress', 'Egress'] : ['Ingress'];
    },
    prepareForCreate: firstGeneration,
    prepareForUpdate: moveGeneration,
    validate: validateNetworkPolicy,
  }),
});
