/** Columns that controllers of pods share; shown with `-o wide`. */
import type { Column } from '../../definition.ts';
import type { PodTemplateSpec } from '../../generated/types/core-v1.ts';
import type { LabelSelector } from '../../generated/types/meta-v1.ts';
import { column } from '../../table/column.ts';
import { containerImages, containerNames, formatSelector } from '../../table/format.ts';

interface Workload {
  spec?: { template?: PodTemplateSpec; selector?: LabelSelector };
}

const wide = { priority: 1 };

export const workloadColumns: readonly Column[] = [
  column<Workload>(
    'Containers',
    'Names of the containers in the template.',
    ({ spec }) => containerNames(spec?.template?.spec?.containers),
    wide,
  ),
  column<Workload>(
    'Images',
    'Images of the containers in the template.',
    ({ spec }) => containerImages(spec?.template?.spec?.containers),
    wide,
  ),
  column<Workload>('Selector', 'Which pods belong to it.', ({ spec }) => formatSelector(spec?.selector), wide),
];
