/** What is particular about DaemonSets: one annotation counts the versions of the template, as it has since before there were revisions. */
import type { DaemonSet } from '../../generated/types/apps-v1.ts';
import { immutable } from '../checks.ts';
import { setPodSpecDefaults } from '../pod/defaults.ts';
import { firstGeneration, keepAllButStatus, keepStatus, moveGeneration, sameJson, typedStrategy } from '../strategy.ts';
import { validateCollisionCount } from '../workload/status.ts';
import { validateDaemonSet, validateDaemonSetStatus } from './validate.ts';

const templateGeneration = 'deprecated.daemonset.template.generation';
const revisionHistoryLimit = 10;

export const daemonSetStrategy = typedStrategy<DaemonSet>({
  setDefaults({ spec }) {
    if (!spec) return;
    spec.revisionHistoryLimit ??= revisionHistoryLimit;
    spec.updateStrategy ??= {};
    spec.updateStrategy.type ||= 'RollingUpdate';
    if (spec.updateStrategy.type === 'RollingUpdate') {
      spec.updateStrategy.rollingUpdate ??= {};
      spec.updateStrategy.rollingUpdate.maxUnavailable ??= 1;
      spec.updateStrategy.rollingUpdate.maxSurge ??= 0;
    }
    if (spec.template?.spec) setPodSpecDefaults(spec.template.spec);
  },
  prepareForCreate(daemonSet) {
    daemonSet.status = { currentNumberScheduled: 0, desiredNumberScheduled: 0, numberMisscheduled: 0, numberReady: 0 };
    firstGeneration(daemonSet);
    countTemplate(daemonSet, Math.max(1, templateCount(daemonSet)));
  },
  prepareForUpdate(daemonSet, old) {
    keepStatus(daemonSet, old);
    moveGeneration(daemonSet, old);
    const changed = !sameJson(daemonSet.spec?.template, old.spec?.template);
    countTemplate(daemonSet, templateCount(old) + (changed ? 1 : 0));
  },
  prepareForStatusUpdate: keepAllButStatus,
  validate: validateDaemonSet,
  validateUpdate: ({ spec }, old) => immutable('spec.selector', spec?.selector, old.spec?.selector),
  validateStatusUpdate: ({ status }, old) => [
    ...validateDaemonSetStatus(status),
    ...validateCollisionCount(status, old.status),
  ],
});

function templateCount({ metadata }: DaemonSet): number {
  return Number(metadata?.annotations?.[templateGeneration]) || 0;
}

function countTemplate(daemonSet: DaemonSet, count: number): void {
  daemonSet.metadata ??= {};
  daemonSet.metadata.annotations = { ...daemonSet.metadata.annotations, [templateGeneration]: String(count) };
}
