/** What is particular about Leases. */
import type { Lease } from '../../generated/types/coordination-v1.ts';
import { fieldInvalid } from '../../meta/field-error.ts';
import { notNegative } from '../checks.ts';
import { typedStrategy } from '../strategy.ts';

export const leaseStrategy = typedStrategy<Lease>({
  prepareForCreate: dropDisabled,
  prepareForUpdate: dropDisabled,
  validate({ spec }) {
    const duration = spec?.leaseDurationSeconds;
    return [
      ...(duration !== undefined && duration <= 0
        ? [fieldInvalid('spec.leaseDurationSeconds', duration, 'must be greater than 0')]
        : []),
      ...notNegative('spec.leaseTransitions', spec?.leaseTransitions),
    ];
  },
});

/** Coordinated leader election is behind a feature gate that is off by default in 1.35. */
function dropDisabled({ spec }: Lease): void {
  delete spec?.strategy;
  delete spec?.preferredHolder;
}
