/** What is particular about CustomResourceDefinitions. */
import type { CustomResourceDefinition } from '../../generated/types/apiextensions-v1.ts';
import { firstGeneration, keepAllButStatus, keepStatus, moveGeneration, typedStrategy } from '../strategy.ts';
import { validateCustomResourceDefinition, validateDefinitionUpdate } from './validate.ts';

const webhookPort = 443;

export const customResourceDefinitionStrategy = typedStrategy<CustomResourceDefinition>({
  setDefaults({ spec }) {
    if (!spec) return;
    if (spec.names) {
      spec.names.singular ||= spec.names.kind?.toLowerCase() ?? '';
      spec.names.listKind ||= spec.names.kind ? `${spec.names.kind}List` : '';
    }
    spec.conversion ??= { strategy: 'None' };
    const service = spec.conversion.webhook?.clientConfig?.service;
    if (service) service.port ??= webhookPort;
  },
  prepareForCreate(definition) {
    const stored = storedVersion(definition);
    definition.status = {
      conditions: null as never,
      acceptedNames: { plural: '', kind: '' },
      storedVersions: stored === undefined ? [] : [stored],
    };
    firstGeneration(definition);
  },
  prepareForUpdate(definition, old) {
    keepStatus(definition, old);
    // What has ever been stored stays on record until somebody has migrated it.
    const stored = storedVersion(definition);
    const versions = definition.status?.storedVersions ?? [];
    if (stored !== undefined && !versions.includes(stored)) {
      definition.status = { ...definition.status, storedVersions: [...versions, stored] };
    }
    moveGeneration(definition, old);
  },
  prepareForStatusUpdate: keepAllButStatus,
  validate: validateCustomResourceDefinition,
  validateUpdate: validateDefinitionUpdate,
  validateStatusUpdate: validateDefinitionUpdate,
});

function storedVersion({ spec }: CustomResourceDefinition): string | undefined {
  return spec?.versions?.find(({ storage }) => storage)?.name;
}
