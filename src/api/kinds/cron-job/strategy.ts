/** What is particular about CronJobs. */
import type { CronJob } from '../../generated/types/batch-v1.ts';
import { setJobTemplateDefaults } from '../job/defaults.ts';
import { nameWarnings } from '../job/strategy.ts';
import { firstGeneration, keepAllButStatus, keepStatus, moveGeneration, typedStrategy } from '../strategy.ts';
import { validateCronJob, validateCronJobUpdate, validateNewCronJob } from './validate.ts';

const successfulJobsHistoryLimit = 3;
const failedJobsHistoryLimit = 1;

export const cronJobStrategy = typedStrategy<CronJob>({
  setDefaults({ spec }) {
    if (!spec) return;
    spec.concurrencyPolicy ||= 'Allow';
    spec.suspend ??= false;
    spec.successfulJobsHistoryLimit ??= successfulJobsHistoryLimit;
    spec.failedJobsHistoryLimit ??= failedJobsHistoryLimit;
    if (spec.jobTemplate) spec.jobTemplate.metadata ??= {};
    if (spec.jobTemplate?.spec) setJobTemplateDefaults(spec.jobTemplate.spec);
  },
  prepareForCreate(cronJob) {
    cronJob.status = {};
    firstGeneration(cronJob);
  },
  prepareForUpdate(cronJob, old) {
    keepStatus(cronJob, old);
    moveGeneration(cronJob, old);
  },
  prepareForStatusUpdate: keepAllButStatus,
  validate: validateCronJob,
  validateCreate: validateNewCronJob,
  validateUpdate: validateCronJobUpdate,
  validateStatusUpdate: () => [],
  warnings({ metadata, spec }, old) {
    if (!old) return nameWarnings(metadata?.name ?? '');
    if (!spec?.schedule?.includes('TZ')) return [];
    return ['cannot use TZ or CRON_TZ in spec.schedule, use timeZone instead'];
  },
});
