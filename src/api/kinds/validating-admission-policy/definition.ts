/** admissionregistration.k8s.io/v1 ValidatingAdmissionPolicy and ValidatingAdmissionPolicyBinding. */
import type {
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
} from '../../generated/types/admissionregistration-v1.ts';
import { column } from '../../table/column.ts';
import { formatSelector, unset } from '../../table/format.ts';
import { defineKind, statusSubresource } from '../define.ts';
import { policyBindingStrategy, policyStrategy } from './strategy.ts';

const common = {
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  namespaced: false,
  categories: ['api-extensions'],
  needsResourceVersion: true,
} as const;

export const validatingAdmissionPolicyDefinition = defineKind({
  ...common,
  kind: 'ValidatingAdmissionPolicy',
  resource: 'validatingadmissionpolicies',
  subresources: [statusSubresource({ ...common, kind: 'ValidatingAdmissionPolicy' })],
  strategy: policyStrategy,
  columns: [
    column<ValidatingAdmissionPolicy>(
      'Validations',
      'How many rules it has.',
      ({ spec }) => spec?.validations?.length ?? 0,
      { type: 'integer' },
    ),
    column<ValidatingAdmissionPolicy>('ParamKind', 'What its parameters are.', ({ spec }) =>
      spec?.paramKind ? `${spec.paramKind.apiVersion}/${spec.paramKind.kind}` : unset,
    ),
  ],
});

export const validatingAdmissionPolicyBindingDefinition = defineKind({
  ...common,
  kind: 'ValidatingAdmissionPolicyBinding',
  resource: 'validatingadmissionpolicybindings',
  strategy: policyBindingStrategy,
  columns: [
    column<ValidatingAdmissionPolicyBinding>(
      'PolicyName',
      'What it puts to work.',
      ({ spec }) => spec?.policyName ?? '',
    ),
    column<ValidatingAdmissionPolicyBinding>('ParamRef', 'With which parameters.', paramRef),
  ],
});

function paramRef({ spec }: ValidatingAdmissionPolicyBinding): string {
  const { name, namespace, selector } = spec?.paramRef ?? {};
  if (name) return `${namespace || '*'}/${name}`;
  return selector ? formatSelector(selector) : unset;
}
