/** What is particular about nodes: an agent registers itself with its status in one request. */
import type { FieldError } from '../../definition.ts';
import type { Node, Taint } from '../../generated/types/core-v1.ts';
import { fieldDuplicate, fieldForbidden } from '../../meta/field-error.ts';
import { validCidr } from '../../meta/ip.ts';
import { validLabelValue, validQualifiedName } from '../../meta/names.ts';
import { each, matches, oneOf, required, requiredName } from '../checks.ts';
import { keepAllButStatus, keepStatus, typedStrategy } from '../strategy.ts';

const effects = ['NoExecute', 'NoSchedule', 'PreferNoSchedule'];

export const nodeStrategy = typedStrategy<Node>({
  setDefaults(node) {
    node.spec ??= {};
    const { status } = node;
    if (status?.capacity) status.allocatable ??= { ...status.capacity };
  },
  prepareForUpdate: keepStatus,
  prepareForStatusUpdate: keepAllButStatus,
  validate: ({ spec }) => [
    ...validateTaints(spec?.taints),
    ...each('spec.podCIDRs', spec?.podCIDRs, (cidr, field) => matches(field, cidr, validCidr)),
  ],
  validateUpdate({ spec }, old) {
    const errors: FieldError[] = [];
    if (old.spec?.podCIDR && spec?.podCIDR !== old.spec.podCIDR) {
      errors.push(fieldForbidden('spec.podCIDRs', 'node updates may not change podCIDR except from "" to valid'));
    }
    if (old.spec?.providerID && spec?.providerID !== old.spec.providerID) {
      errors.push(fieldForbidden('spec.providerID', 'node updates may not change providerID except from "" to valid'));
    }
    return errors;
  },
});

function validateTaints(taints: readonly Taint[] | undefined): FieldError[] {
  const seen = new Set<string>();
  // Upstream's path, however odd.
  return each('metadata.taints', taints, (taint, field) => {
    const id = `${taint.key}:${taint.effect}`;
    const repeated = seen.has(id);
    seen.add(id);
    return [
      ...requiredName(`${field}.key`, taint.key, validQualifiedName),
      ...matches(`${field}.value`, taint.value, validLabelValue),
      ...(taint.effect ? oneOf(`${field}.effect`, taint.effect, effects) : required(`${field}.effect`, taint.effect)),
      ...(repeated
        ? [
            {
              ...fieldDuplicate(field, taint),
              message: `Duplicate value: ${JSON.stringify(taint)}: taints must be unique by key and effect pair`,
            },
          ]
        : []),
    ];
  });
}
