/** What is particular about ConfigMaps. */
import type { ConfigMap } from '../../generated/types/core-v1.ts';
import { fieldInvalid } from '../../meta/field-error.ts';
import { validateImmutable, validateKeys, validateSize } from '../data/validate-data.ts';
import { typedStrategy } from '../strategy.ts';

export const configMapStrategy = typedStrategy<ConfigMap>({
  validate({ data, binaryData }) {
    const both = Object.keys(data ?? {}).filter((key) => binaryData !== undefined && Object.hasOwn(binaryData, key));
    return [
      ...validateKeys(data, 'data'),
      ...both.map((key) => fieldInvalid(`data[${key}]`, key, 'duplicate of key present in binaryData')),
      ...validateKeys(binaryData, 'binaryData'),
      ...validateSize('[]', data, binaryData),
    ];
  },
  validateUpdate: validateImmutable,
});
