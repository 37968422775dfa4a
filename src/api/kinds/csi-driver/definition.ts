/** storage.k8s.io/v1 CSIDriver. */
import type { FieldError } from '../../definition.ts';
import type { CSIDriver, CSIDriverSpec } from '../../generated/types/storage-v1.ts';
import { fieldDuplicate, fieldInvalid } from '../../meta/field-error.ts';
import { ageColumn, column, nameColumn } from '../../table/column.ts';
import { joined, unset } from '../../table/format.ts';
import { each, immutable, oneOf } from '../checks.ts';
import { defineKind } from '../define.ts';
import { sameJson, typedStrategy } from '../strategy.ts';

const boolean = { type: 'boolean' } as const;
const minTokenSeconds = 600;
const maxTokenSeconds = 2 ** 32;
const minUpdatePeriodSeconds = 10;

export const csiDriverDefinition = defineKind({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'CSIDriver',
  resource: 'csidrivers',
  namespaced: false,
  needsResourceVersion: true,
  allColumns: [
    nameColumn,
    column<CSIDriver>(
      'AttachRequired',
      'Whether volumes are attached first.',
      ({ spec }) => spec?.attachRequired ?? true,
      boolean,
    ),
    column<CSIDriver>(
      'PodInfoOnMount',
      'Whether it is told of the pod.',
      ({ spec }) => spec?.podInfoOnMount ?? false,
      boolean,
    ),
    column<CSIDriver>(
      'StorageCapacity',
      'Whether it tells its capacity.',
      ({ spec }) => spec?.storageCapacity ?? false,
      boolean,
    ),
    column<CSIDriver>('TokenRequests', 'Tokens that it is given.', ({ spec }) =>
      spec?.tokenRequests ? spec.tokenRequests.map(({ audience }) => audience).join(',') : unset,
    ),
    column<CSIDriver>(
      'RequiresRepublish',
      'Whether it is called again and again.',
      ({ spec }) => spec?.requiresRepublish ?? false,
      boolean,
    ),
    column<CSIDriver>('Modes', 'Which lives its volumes can have.', ({ spec }) => joined(spec?.volumeLifecycleModes)),
    ageColumn,
  ],
  strategy: typedStrategy<CSIDriver>({
    setDefaults({ spec }) {
      if (!spec) return;
      spec.attachRequired ??= true;
      spec.podInfoOnMount ??= false;
      spec.storageCapacity ??= false;
      spec.fsGroupPolicy ??= 'ReadWriteOnceWithFSType';
      if ((spec.volumeLifecycleModes?.length ?? 0) === 0) spec.volumeLifecycleModes = ['Persistent'];
      spec.requiresRepublish ??= false;
      spec.seLinuxMount ??= false;
    },
    prepareForUpdate(driver, old) {
      const watched = ({ tokenRequests, requiresRepublish, seLinuxMount }: Partial<CSIDriverSpec> = {}) => [
        tokenRequests,
        requiresRepublish,
        seLinuxMount,
      ];
      const before = old.metadata?.generation ?? 0;
      const generation = sameJson(watched(driver.spec), watched(old.spec)) ? before : before + 1;
      driver.metadata = { ...driver.metadata, ...(generation > 0 && { generation }) };
    },
    validate: ({ spec = {} }) => validateSpec(spec),
    validateUpdate: ({ spec = {} }, old) => [
      ...immutable('spec.attachedRequired', spec.attachRequired, old.spec?.attachRequired),
      ...immutable('spec.volumeLifecycleModes', spec.volumeLifecycleModes, old.spec?.volumeLifecycleModes),
    ],
  }),
});

function validateSpec(spec: CSIDriverSpec): FieldError[] {
  const audiences = new Set<string>();
  const period = spec.nodeAllocatableUpdatePeriodSeconds;
  return [
    ...oneOf('spec.fsGroupPolicy', spec.fsGroupPolicy, ['File', 'None', 'ReadWriteOnceWithFSType']),
    ...each('spec.tokenRequests', spec.tokenRequests, ({ audience, expirationSeconds: seconds }, field) => {
      if (audiences.has(audience)) return [fieldDuplicate(`${field}.audience`, audience)];
      audiences.add(audience);
      const here = `${field}.expirationSeconds`;
      if (seconds === undefined) return [];
      if (seconds < minTokenSeconds) {
        return [fieldInvalid(here, seconds, 'may not specify a duration less than 10 minutes')];
      }
      if (seconds <= maxTokenSeconds) return [];
      return [fieldInvalid(here, seconds, 'may not specify a duration larger than 2^32 seconds')];
    }),
    ...(spec.volumeLifecycleModes ?? []).flatMap((mode) =>
      oneOf('spec.volumeLifecycleModes', mode, ['Persistent', 'Ephemeral']),
    ),
    ...(period !== undefined && period < minUpdatePeriodSeconds
      ? [
          fieldInvalid(
            'spec.nodeAllocatableUpdatePeriodSeconds',
            period,
            `must be greater than or equal to ${minUpdatePeriodSeconds} seconds`,
          ),
        ]
      : []),
  ];
}
