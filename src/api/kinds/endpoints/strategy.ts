/** What is particular about EndpointSlices. */
import type { EndpointSlice } from '../../generated/types/discovery-v1.ts';
import { fieldInvalid } from '../../meta/field-error.ts';
import { oneOf, required } from '../checks.ts';
import { sameJson, typedStrategy } from '../strategy.ts';

export const endpointSliceStrategy = typedStrategy<EndpointSlice>({
  setDefaults(slice) {
    slice.endpoints ??= [];
    for (const port of slice.ports ?? []) {
      port.name ??= '';
      port.protocol ??= 'TCP';
    }
  },
  prepareForCreate(slice) {
    slice.metadata = { ...slice.metadata, generation: 1 };
  },
  prepareForUpdate(slice, old) {
    const before = old.metadata?.generation ?? 0;
    const { metadata: _, ...content } = slice;
    const { metadata: __, ...oldContent } = old;
    slice.metadata = { ...slice.metadata, generation: sameJson(content, oldContent) ? before : before + 1 };
  },
  validate({ addressType }) {
    return addressType
      ? oneOf('addressType', addressType, ['FQDN', 'IPv4', 'IPv6'])
      : required('addressType', addressType);
  },
  validateUpdate(slice, old) {
    if (slice.addressType === old.addressType) return [];
    return [fieldInvalid('addressType', slice.addressType, 'field is immutable')];
  },
});
