/** CustomResourceDefinitions: names, versions and what they say of their objects; `src/api/custom-resources/definition` knows schemas. */
import { validateConversion } from '../../custom-resources/definition/validate-conversion.ts';
import { validateVersions } from '../../custom-resources/definition/validate-version.ts';
import type { FieldError } from '../../definition.ts';
import type { CustomResourceDefinition, CustomResourceDefinitionSpec } from '../../generated/types/apiextensions-v1.ts';
import { fieldInvalid, fieldRequired } from '../../meta/field-error.ts';
import { dns1035Label, dns1123Subdomain } from '../../meta/names.ts';
import { each, immutable, matches, requiredOneOf } from '../checks.ts';

type Versions = CustomResourceDefinitionSpec['versions'];

export function validateNewDefinition(definition: CustomResourceDefinition): FieldError[] {
  const { metadata, spec, status } = definition;
  const wanted = `${spec?.names?.plural ?? ''}.${spec?.group ?? ''}`;
  return [
    ...(metadata?.name === wanted
      ? []
      : [fieldInvalid('metadata.name', metadata?.name, 'must be spec.names.plural+"."+spec.group')]),
    ...validateSpec(spec, undefined),
    ...validateStoredVersions(status?.storedVersions ?? [], spec?.versions ?? []),
    ...validateApproval(definition, undefined),
    ...(spec?.preserveUnknownFields
      ? [
          fieldInvalid(
            'spec.preserveUnknownFields',
            true,
            'cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead',
          ),
        ]
      : []),
  ];
}

function validateSpec(
  spec: CustomResourceDefinitionSpec | undefined,
  old: CustomResourceDefinitionSpec | undefined,
): FieldError[] {
  const { group = '', scope, versions = [], conversion } = spec ?? ({} as CustomResourceDefinitionSpec);
  const errors: FieldError[] = [];
  if (group === '') errors.push(fieldRequired('spec.group'));
  else {
    errors.push(...matches('spec.group', group, dns1123Subdomain));
    if (group.split('.').length < 2) {
      errors.push(fieldInvalid('spec.group', group, 'should be a domain with at least one dot'));
    }
  }
  return [
    ...errors,
    ...requiredOneOf('spec.scope', scope, ['Cluster', 'Namespaced']),
    ...validateVersionNames(versions),
    ...matches('spec.version', versions[0]?.name, dns1035Label),
    ...validateVersions(versions, old?.versions ?? []),
    ...validateNames(spec),
    ...validateConversion(conversion),
  ];
}

function validateNames(spec: CustomResourceDefinitionSpec | undefined): FieldError[] {
  const { plural, singular, kind, listKind, shortNames, categories } = spec?.names ?? { plural: '', kind: '' };
  const named = (field: string, value: string | undefined): FieldError[] =>
    value ? matches(field, value, dns1035Label) : [fieldRequired(field)];
  const mixed = (field: string, value: string | undefined): FieldError[] => {
    if (!value) return [fieldRequired(field)];
    const problem = dns1035Label(value.toLowerCase());
    return problem ? [fieldInvalid(field, value, `may have mixed case, but should otherwise match: ${problem}`)] : [];
  };
  const errors = [
    ...named('spec.names.plural', plural),
    ...named('spec.names.singular', singular),
    ...mixed('spec.names.kind', kind),
    ...mixed('spec.names.listKind', listKind),
    ...each('spec.names.shortNames', shortNames, (name, field) => matches(field, name, dns1035Label)),
    ...each('spec.names.categories', categories, (name, field) => matches(field, name, dns1035Label)),
  ];
  if (kind && kind === listKind) {
    errors.push(fieldInvalid('spec.names.listKind', listKind, 'kind and listKind may not be the same'));
  }
  return errors;
}

function validateVersionNames(versions: Versions): FieldError[] {
  const field = 'spec.versions';
  const errors: FieldError[] = [];
  const names = versions.map(({ name }) => name);
  for (const [index, version] of versions.entries()) {
    const here = `${field}[${index}]`;
    if (!version.schema?.openAPIV3Schema) {
      errors.push(fieldRequired(`${here}.schema.openAPIV3Schema`));
    }
    errors.push(...matches(`${here}.name`, version.name, dns1035Label));
  }
  if (new Set(names).size < names.length)
    errors.push(fieldInvalid(field, shown(versions), 'must contain unique version names'));
  if (versions.filter(({ storage }) => storage).length !== 1) {
    errors.push(fieldInvalid(field, shown(versions), 'must have exactly one version marked as storage version'));
  }
  return errors;
}

/** As upstream's server shows them, which keeps what they have in common elsewhere. */
function shown(versions: Versions): unknown {
  return versions.map(({ name, served, storage, deprecated, deprecationWarning }) => ({
    Name: name,
    Served: served,
    Storage: storage,
    Deprecated: deprecated ?? false,
    DeprecationWarning: deprecationWarning ?? null,
    Schema: null,
    Subresources: null,
    AdditionalPrinterColumns: null,
    SelectableFields: null,
  }));
}

function validateStoredVersions(stored: readonly string[], versions: Versions): FieldError[] {
  const field = 'status.storedVersions';
  if (stored.length === 0) return [fieldInvalid(field, null, 'must have at least one stored version')];
  const errors = stored.flatMap((name, index) =>
    versions.some((version) => version.name === name)
      ? []
      : [
          fieldInvalid(
            `${field}[${index}]`,
            name,
            `missing from spec.versions; ${name} was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in ${name} and removes ${name} from status.storedVersions`,
          ),
        ],
  );
  const missing = versions.filter(({ name, storage }) => storage && !stored.includes(name));
  return [
    ...errors,
    ...missing.map(({ name }) => fieldInvalid(field, stored, `must have the storage version ${name}`)),
  ];
}

const approvalAnnotation = 'api-approved.kubernetes.io';

/** Groups of Kubernetes' own need a word on who approved of them. */
function validateApproval(
  definition: CustomResourceDefinition,
  old: CustomResourceDefinition | undefined,
): FieldError[] {
  const { group = '' } = definition.spec ?? {};
  const isProtected = ['k8s.io', 'kubernetes.io'].some((owner) => group === owner || group.endsWith(`.${owner}`));
  if (!isProtected) return [];
  const field = `metadata.annotations[${approvalAnnotation}]`;
  const given = definition.metadata?.annotations?.[approvalAnnotation];
  if (old && given === old.metadata?.annotations?.[approvalAnnotation]) return [];
  const more = 'see https://github.com/kubernetes/enhancements/pull/1111';
  if (!given) {
    return [fieldRequired(field, `protected groups must have approval annotation "${approvalAnnotation}", ${more}`)];
  }
  if (given.startsWith('unapproved') || URL.canParse(given)) return [];
  const why = `protected groups must have approval annotation "${approvalAnnotation}" with either a URL or a reason starting with "unapproved", ${more}`;
  return [fieldInvalid(field, given, why)];
}

/** Once names are accepted, what addresses the resources is fixed. */
export function validateDefinitionUpdate(
  definition: CustomResourceDefinition,
  old: CustomResourceDefinition,
): FieldError[] {
  const { spec, status } = definition;
  const established = old.status?.conditions?.some(
    ({ type, status: state }) => type === 'Established' && state === 'True',
  );
  return [
    ...validateSpec(spec, old.spec),
    ...(established ? immutable('spec.scope', spec?.scope, old.spec?.scope) : []),
    ...(established ? immutable('spec.names.kind', spec?.names?.kind, old.spec?.names?.kind) : []),
    ...immutable('spec.group', spec?.group, old.spec?.group),
    ...immutable('spec.names.plural', spec?.names?.plural, old.spec?.names?.plural),
    ...validateStoredVersions(status?.storedVersions ?? [], spec?.versions ?? []),
    ...validateApproval(definition, old),
  ];
}

export function validateDefinitionStatus({ spec, status }: CustomResourceDefinition): FieldError[] {
  return validateStoredVersions(status?.storedVersions ?? [], spec?.versions ?? []);
}
