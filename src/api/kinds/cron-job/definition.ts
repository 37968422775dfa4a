/** batch/v1 CronJob. */
import type { CronJob } from '../../generated/types/batch-v1.ts';
import { ageColumn, column, nameColumn } from '../../table/column.ts';
import { age } from '../../table/duration.ts';
import { containerImages, containerNames, formatSelector, none, printedBoolean } from '../../table/format.ts';
import { defineKind, statusSubresource } from '../define.ts';
import { cronJobStrategy } from './strategy.ts';

const kind = { group: 'batch', version: 'v1', kind: 'CronJob' } as const;
const wide = { priority: 1 };

function template({ spec }: CronJob) {
  return spec?.jobTemplate?.spec;
}

export const cronJobDefinition = defineKind({
  ...kind,
  resource: 'cronjobs',
  namespaced: true,
  shortNames: ['cj'],
  categories: ['all'],
  subresources: [statusSubresource(kind)],
  strategy: cronJobStrategy,
  allColumns: [
    nameColumn,
    column<CronJob>('Schedule', 'When it runs.', ({ spec }) => spec?.schedule ?? ''),
    column<CronJob>('Timezone', 'In whose time.', ({ spec }) => spec?.timeZone ?? none),
    column<CronJob>('Suspend', 'Whether it waits.', ({ spec }) => printedBoolean(spec?.suspend), { type: 'boolean' }),
    column<CronJob>('Active', 'Jobs that run now.', ({ status }) => status?.active?.length ?? 0, { type: 'integer' }),
    column<CronJob>('Last Schedule', 'Time since it last ran.', ({ status }, nowMs) =>
      status?.lastScheduleTime ? age(status.lastScheduleTime, nowMs) : none,
    ),
    ageColumn,
    column<CronJob>(
      'Containers',
      'Names of the containers in the template.',
      (cronJob) => containerNames(template(cronJob)?.template?.spec?.containers),
      wide,
    ),
    column<CronJob>(
      'Images',
      'Images of the containers in the template.',
      (cronJob) => containerImages(template(cronJob)?.template?.spec?.containers),
      wide,
    ),
    column<CronJob>(
      'Selector',
      'Which pods belong to it.',
      (cronJob) => formatSelector(template(cronJob)?.selector),
      wide,
    ),
  ],
});
