/** apiregistration.k8s.io/v1 APIService: the kind itself. */
import type { FieldError } from '../../definition.ts';
import type { APIService } from '../../generated/types/apiregistration-v1.ts';
import { fieldForbidden, fieldInvalid, fieldRequired } from '../../meta/field-error.ts';
import { dns1035Label, dns1123Subdomain, validPathSegment } from '../../meta/names.ts';
import { ageColumn, column, nameColumn } from '../../table/column.ts';
import { matches, portNumber, required } from '../checks.ts';
import { defineKind, statusSubresource } from '../define.ts';
import { keepAllButStatus, keepStatus, typedStrategy } from '../strategy.ts';

const kind = { group: 'apiregistration.k8s.io', version: 'v1', kind: 'APIService' } as const;
const servicePort = 443;
const maxGroupPriority = 20_000;
const maxVersionPriority = 1000;

export const apiServiceDefinition = defineKind({
  ...kind,
  resource: 'apiservices',
  namespaced: false,
  categories: ['api-extensions'],
  schema: 'io.k8s.kube-aggregator.pkg.apis.apiregistration.v1.APIService',
  subresources: [statusSubresource(kind)],
  allColumns: [
    nameColumn,
    column<APIService>('Service', 'Who answers.', ({ spec }) =>
      spec?.service ? `${spec.service.namespace}/${spec.service.name}` : 'Local',
    ),
    column<APIService>('Available', 'Whether it does.', available),
    ageColumn,
  ],
  strategy: typedStrategy<APIService>({
    // `v1.` is the one of the core group.
    validateName: validPathSegment,
    setDefaults({ spec }) {
      if (spec?.service) spec.service.port ??= servicePort;
    },
    prepareForCreate(service) {
      service.status = {};
      // What the server itself answers is available.
      if (service.spec && !service.spec.service) {
        service.status.conditions = [
          {
            type: 'Available',
            status: 'True',
            reason: 'Local',
            message: 'Local APIServices are always available',
            ...(service.metadata?.creationTimestamp && { lastTransitionTime: service.metadata.creationTimestamp }),
          },
        ];
      }
    },
    prepareForUpdate: keepStatus,
    prepareForStatusUpdate: keepAllButStatus,
    validate: validateApiService,
    validateStatusUpdate: () => [],
  }),
});

function available({ status }: APIService): string {
  const condition = status?.conditions?.find(({ type }) => type === 'Available');
  if (!condition) return 'Unknown';
  return condition.status === 'True' ? 'True' : `${condition.status} (${condition.reason ?? ''})`;
}

function validateApiService({ metadata, spec }: APIService): FieldError[] {
  const { group = '', version = '', service, caBundle, insecureSkipTLSVerify: insecure } = spec ?? {};
  const { groupPriorityMinimum: groupPriority = 0, versionPriority = 0 } = spec ?? {};
  const wanted = `${version}.${group}`;
  const errors: FieldError[] = [];
  if (metadata?.name !== wanted) {
    errors.push(
      fieldInvalid(
        'metadata.name',
        metadata?.name,
        `must be \`spec.version+"."+spec.group\`: ${JSON.stringify(wanted)}`,
      ),
    );
  }
  if (version === '') errors.push(fieldRequired('spec.version'));
  errors.push(...matches('spec.version', version, dns1035Label));
  // The core group has no name, and one version.
  if (group !== '' || version !== 'v1') errors.push(...matches('spec.group', group, dns1123Subdomain));
  if (groupPriority <= 0 || groupPriority > maxGroupPriority) {
    errors.push(
      fieldInvalid('spec.groupPriorityMinimum', groupPriority, `must be positive and less than ${maxGroupPriority}`),
    );
  }
  if (versionPriority <= 0 || versionPriority > maxVersionPriority) {
    errors.push(
      fieldInvalid('spec.versionPriority', versionPriority, `must be positive and less than ${maxVersionPriority}`),
    );
  }
  if (!service) {
    if (caBundle)
      errors.push(
        fieldInvalid('spec.caBundle', `${caBundle.length} bytes`, 'local APIServices may not have a caBundle'),
      );
    if (insecure) {
      errors.push(
        fieldInvalid('spec.insecureSkipTLSVerify', insecure, 'local APIServices may not have insecureSkipTLSVerify'),
      );
    }
    return errors;
  }
  errors.push(
    ...required('spec.service.namespace', service.namespace),
    ...required('spec.service.name', service.name),
    ...portNumber('spec.service.port', service.port),
  );
  if (insecure && caBundle) {
    errors.push(fieldForbidden('spec.insecureSkipTLSVerify', 'may not be true if caBundle is present'));
  }
  return errors;
}
