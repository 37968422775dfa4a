/** What is particular about Jobs. */
import type { Job } from '../../generated/types/batch-v1.ts';
import { dns1123Label } from '../../meta/names.ts';
import { firstGeneration, keepAllButStatus, keepStatus, moveGeneration, typedStrategy } from '../strategy.ts';
import { generateSelector, setJobDefaults } from './defaults.ts';
import { validateJob } from './validate.ts';
import { validateJobStatusUpdate, validateJobUpdate } from './validate-update.ts';

export const jobStrategy = typedStrategy<Job>({
  setDefaults: setJobDefaults,
  prepareForCreate(job) {
    generateSelector(job);
    job.status = {};
    firstGeneration(job);
  },
  prepareForUpdate(job, old) {
    keepStatus(job, old);
    moveGeneration(job, old);
  },
  prepareForStatusUpdate: keepAllButStatus,
  validate: validateJob,
  validateUpdate: validateJobUpdate,
  validateStatusUpdate: validateJobStatusUpdate,
  warnings: ({ metadata }, old) => (old ? [] : nameWarnings(metadata?.name ?? '')),
});

/** Names of pods and their hosts are made from it. */
export function nameWarnings(name: string): string[] {
  const problem = dns1123Label(name);
  if (!problem) return [];
  return [
    `metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is recommended: [${problem}]`,
  ];
}
