/** networking.k8s.io/v1 IngressClass. */
import type { FieldError } from '../../definition.ts';
import type { IngressClass, IngressClassParametersReference } from '../../generated/types/networking-v1.ts';
import { fieldForbidden, fieldRequired, fieldTooLong } from '../../meta/field-error.ts';
import { dns1123Label } from '../../meta/names.ts';
import { column } from '../../table/column.ts';
import { none } from '../../table/format.ts';
import { domainPrefixedPath, immutable, matches, oneOf } from '../checks.ts';
import { defineKind } from '../define.ts';
import { validateTypedReference } from '../ingress/validate.ts';
import { firstGeneration, moveGeneration, typedStrategy } from '../strategy.ts';

const maxControllerLength = 250;

export const ingressClassDefinition = defineKind({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'IngressClass',
  resource: 'ingressclasses',
  namespaced: false,
  columns: [
    column<IngressClass>('Controller', 'Who serves its Ingresses.', ({ spec }) => spec?.controller ?? ''),
    column<IngressClass>('Parameters', 'What configures it.', ({ spec }) => {
      const { parameters } = spec ?? {};
      if (!parameters) return none;
      const group = parameters.apiGroup === undefined ? '' : `.${parameters.apiGroup}`;
      return `${parameters.kind}${group}/${parameters.name}`;
    }),
  ],
  strategy: typedStrategy<IngressClass>({
    setDefaults({ spec }) {
      if (spec?.parameters) spec.parameters.scope ??= 'Cluster';
    },
    prepareForCreate: firstGeneration,
    prepareForUpdate: moveGeneration,
    validate({ spec }) {
      const controller = spec?.controller ?? '';
      return [
        ...(controller.length > maxControllerLength ? [fieldTooLong('spec.controller', maxControllerLength)] : []),
        ...domainPrefixedPath('spec.controller', controller),
        ...(spec?.parameters ? validateParameters(spec.parameters, 'spec.parameters') : []),
      ];
    },
    validateUpdate: ({ spec }, old) => immutable('spec.controller', spec?.controller, old.spec?.controller),
  }),
});

function validateParameters(parameters: IngressClassParametersReference, field: string): FieldError[] {
  const { scope, namespace } = parameters;
  const here = `${field}.namespace`;
  const errors = [
    ...validateTypedReference(parameters, field),
    ...oneOf(`${field}.scope`, scope, ['Cluster', 'Namespace']),
  ];
  if (scope === 'Cluster' && namespace !== undefined) {
    errors.push(fieldForbidden(here, "`parameters.scope` is set to 'Cluster'"));
  }
  if (scope !== 'Namespace') return errors;
  if (namespace === undefined) errors.push(fieldRequired(here, "`parameters.scope` is set to 'Namespace'"));
  return [...errors, ...matches(here, namespace, dns1123Label)];
}
