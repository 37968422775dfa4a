/** CustomResourceDefinitions: names and versions. Schemas are looked at by the part that serves custom resources. */
import type { FieldError } from '../../definition.ts';
import type { CustomResourceDefinition, CustomResourceDefinitionSpec } from '../../generated/types/apiextensions-v1.ts';
import { fieldDuplicate, fieldInvalid, fieldRequired } from '../../meta/field-error.ts';
import { dns1035Label, dns1123Subdomain } from '../../meta/names.ts';
import { each, immutable, matches, requiredName, requiredOneOf } from '../checks.ts';

export function validateCustomResourceDefinition({ metadata, spec, status }: CustomResourceDefinition): FieldError[] {
  const { group = '', names, scope, versions = [] } = spec ?? ({} as CustomResourceDefinitionSpec);
  const wantedName = `${names?.plural ?? ''}.${group}`;
  const errors: FieldError[] = [];
  if (metadata?.name !== wantedName) {
    errors.push(fieldInvalid('metadata.name', metadata?.name, 'must be spec.names.plural+"."+spec.group'));
  }
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
    ...validateNames(spec),
    ...validateVersions(versions),
    ...((status?.storedVersions?.length ?? 0) === 0
      ? [fieldInvalid('status.storedVersions', null, 'must have at least one stored version')]
      : []),
  ];
}

function validateNames(spec: CustomResourceDefinitionSpec | undefined): FieldError[] {
  const { plural, singular, kind, listKind, shortNames, categories } = spec?.names ?? { plural: '', kind: '' };
  const errors = [
    ...requiredName('spec.names.plural', plural, dns1035Label),
    ...matches('spec.names.singular', singular, dns1035Label),
    ...requiredName('spec.names.kind', kind?.toLowerCase(), dns1035Label),
    ...matches('spec.names.listKind', listKind?.toLowerCase(), dns1035Label),
    ...each('spec.names.shortNames', shortNames, (name, field) => requiredName(field, name, dns1035Label)),
    ...each('spec.names.categories', categories, (name, field) => requiredName(field, name, dns1035Label)),
  ];
  if (kind && kind === listKind) {
    errors.push(fieldInvalid('spec.names.listKind', listKind, 'kind and listKind may not be the same'));
  }
  return errors;
}

function validateVersions(versions: CustomResourceDefinitionSpec['versions']): FieldError[] {
  const field = 'spec.versions';
  const seen = new Set<string>();
  const errors = each(field, versions, ({ name, schema }, here) => {
    const found = requiredName(`${here}.name`, name, dns1035Label);
    if (seen.has(name)) found.push(fieldDuplicate(`${here}.name`, name));
    seen.add(name);
    if (!schema?.openAPIV3Schema) {
      found.push(fieldRequired(`${here}.schema.openAPIV3Schema`, 'schemas are required'));
    }
    return found;
  });
  const storing = versions.filter(({ storage }) => storage).length;
  if (storing !== 1) {
    errors.push(
      fieldInvalid(
        field,
        versions.map(({ name }) => name),
        'must have exactly one version marked as storage version',
      ),
    );
  }
  return errors;
}

/** Once names are accepted, what addresses the resources is fixed. */
export function validateDefinitionUpdate(
  definition: CustomResourceDefinition,
  old: CustomResourceDefinition,
): FieldError[] {
  const established = old.status?.conditions?.some(({ type, status }) => type === 'Established' && status === 'True');
  const served = (definition.spec?.versions ?? []).map(({ name }) => name);
  const errors = each('status.storedVersions', definition.status?.storedVersions, (name, field) =>
    served.includes(name)
      ? []
      : [fieldInvalid(field, name, 'missing from spec.versions; delete it there only after its objects were migrated')],
  );
  if (!established) return errors;
  return [
    ...errors,
    ...immutable('spec.group', definition.spec?.group, old.spec?.group),
    ...immutable('spec.scope', definition.spec?.scope, old.spec?.scope),
    ...immutable('spec.names.kind', definition.spec?.names?.kind, old.spec?.names?.kind),
    ...immutable('spec.names.plural', definition.spec?.names?.plural, old.spec?.names?.plural),
  ];
}
