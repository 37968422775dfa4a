/** CronJobs. */
import type { FieldError } from '../../definition.ts';
import type { CronJob, CronJobSpec, JobSpec } from '../../generated/types/batch-v1.ts';
import { fieldInvalid, fieldNotSupported, fieldRequired } from '../../meta/field-error.ts';
import { notNegative, requiredOneOf } from '../checks.ts';
import { validateJobSpec } from '../job/validate.ts';
import { scheduleProblem } from './schedule.ts';

/** Jobs get the name and 11 characters more. */
const maxNameLength = 52;
const emptySpec: CronJobSpec = { schedule: '', jobTemplate: {} };

export function validateCronJob(cronJob: CronJob): FieldError[] {
  const spec: Partial<CronJobSpec> = cronJob.spec ?? {};
  const job: Partial<JobSpec> = spec.jobTemplate?.spec ?? {};
  const template = 'spec.jobTemplate.spec';
  const errors: FieldError[] = [
    ...(spec.schedule ? [] : [fieldRequired('spec.schedule')]),
    ...notNegative('spec.startingDeadlineSeconds', spec.startingDeadlineSeconds),
    ...requiredOneOf('spec.concurrencyPolicy', spec.concurrencyPolicy, ['Allow', 'Forbid', 'Replace']),
    ...validateJobSpec(job as JobSpec, template),
  ];
  if (job.selector)
    errors.push(fieldInvalid(`${template}.selector`, job.selector, '`selector` will be auto-generated'));
  if (job.manualSelector) errors.push(fieldNotSupported(`${template}.manualSelector`, true, ['nil', 'false']));
  return [
    ...errors,
    ...notNegative('spec.successfulJobsHistoryLimit', spec.successfulJobsHistoryLimit),
    ...notNegative('spec.failedJobsHistoryLimit', spec.failedJobsHistoryLimit),
  ];
}

export function validateNewCronJob({ metadata, spec = emptySpec }: CronJob): FieldError[] {
  const name = metadata?.name ?? '';
  const errors = [...validateSchedule(spec, false), ...validateTimeZone(spec.timeZone)];
  if (name.length > maxNameLength) {
    errors.push(fieldInvalid('metadata.name', name, `must be no more than ${maxNameLength} characters`));
  }
  return errors;
}

/** A zone within the schedule was possible once. */
export function validateCronJobUpdate({ spec = emptySpec }: CronJob, old: CronJob): FieldError[] {
  const hadZone = old.spec?.schedule?.includes('TZ') ?? false;
  return [
    ...validateSchedule(spec, hadZone),
    ...(spec.timeZone === old.spec?.timeZone ? [] : validateTimeZone(spec.timeZone)),
  ];
}

function validateSchedule({ schedule, timeZone }: CronJobSpec, allowZone: boolean): FieldError[] {
  if (!schedule) return [];
  const field = 'spec.schedule';
  const problem = scheduleProblem(schedule);
  const errors = problem ? [fieldInvalid(field, schedule, problem)] : [];
  if (!schedule.includes('TZ')) return errors;
  if (!allowZone) {
    const detail = 'cannot use TZ or CRON_TZ in schedule, use timeZone field instead';
    errors.push(fieldInvalid(field, schedule, detail));
  } else if (timeZone !== undefined) {
    errors.push(fieldInvalid(field, schedule, 'cannot use both timeZone field and TZ or CRON_TZ in schedule'));
  }
  return errors;
}

function validateTimeZone(zone: string | undefined): FieldError[] {
  const field = 'spec.timeZone';
  if (zone === undefined) return [];
  if (zone === '') return [fieldInvalid(field, zone, 'timeZone must be nil or non-empty string')];
  if (zone.toLowerCase() === 'local') {
    const detail = 'timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones';
    return [fieldInvalid(field, zone, detail)];
  }
  return isTimeZone(zone) ? [] : [fieldInvalid(field, zone, `unknown time zone ${zone}`)];
}

/** Offsets (`+02:00`), which ECMAScript knows, are no zones of the IANA database. */
function isTimeZone(zone: string): boolean {
  if (!/^[A-Za-z._][A-Za-z._0-9+-]*(?:\/[A-Za-z._0-9+][A-Za-z._0-9+-]*)*$/.test(zone)) return false;
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone });
    return true;
  } catch {
    return false;
  }
}
