/** resource.k8s.io/v1 DeviceClass. */
import type { DeviceClass } from '../../generated/types/resource-v1.ts';
import { fieldRequired } from '../../meta/field-error.ts';
import { validQualifiedName } from '../../meta/names.ts';
import { atMost, each, matches } from '../checks.ts';
import { defineKind } from '../define.ts';
import { validateConfig, validateSelectors } from '../resource-claim/validate-requests.ts';
import { firstGeneration, moveGeneration, typedStrategy } from '../strategy.ts';

const maxConfigs = 32;

export const deviceClassDefinition = defineKind({
  group: 'resource.k8s.io',
  version: 'v1',
  kind: 'DeviceClass',
  resource: 'deviceclasses',
  namespaced: false,
  strategy: typedStrategy<DeviceClass>({
    prepareForCreate: firstGeneration,
    prepareForUpdate: moveGeneration,
    validate({ spec }) {
      if (!spec) return [fieldRequired('spec')];
      return [
        ...validateSelectors(spec.selectors, 'spec.selectors'),
        ...atMost('spec.config', spec.config, maxConfigs),
        ...each('spec.config', spec.config, validateConfig),
        ...matches('spec.extendedResourceName', spec.extendedResourceName, validQualifiedName),
      ];
    },
  }),
});
