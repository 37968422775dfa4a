/** What is particular about CustomResourceDefinitions. */
import type { CustomResourceDefinition } from '../../generated/types/apiextensions-v1.ts';
import { timestampOf } from '../../meta/timestamp.ts';
import { firstGeneration, keepAllButStatus, keepStatus, moveGeneration, typedStrategy } from '../strategy.ts';
import { validateDefinitionStatus, validateDefinitionUpdate, validateNewDefinition } from './validate.ts';

const webhookPort = 443;
/** Until its objects are gone. */
const cleanupFinalizer = 'customresourcecleanup.apiextensions.k8s.io';

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
  prepareForDeletion(definition, nowMs) {
    definition.metadata ??= {};
    const finalizers = definition.metadata.finalizers ?? [];
    if (!finalizers.includes(cleanupFinalizer)) definition.metadata.finalizers = [...finalizers, cleanupFinalizer];
    const others = definition.status?.conditions?.filter(({ type }) => type !== 'Terminating') ?? [];
    const terminating = {
      type: 'Terminating',
      status: 'True',
      reason: 'InstanceDeletionPending',
      message: 'CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon',
      lastTransitionTime: timestampOf(nowMs),
    };
    definition.status = { ...definition.status, conditions: [...others, terminating] };
  },
  validateCreate: validateNewDefinition,
  validateUpdate: validateDefinitionUpdate,
  validateStatusUpdate: validateDefinitionStatus,
});

function storedVersion({ spec }: CustomResourceDefinition): string | undefined {
  return spec?.versions?.find(({ storage }) => storage)?.name;
}
