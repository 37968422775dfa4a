/** What is particular about Events: they live beside what they are about. */
import type { Event } from '../../generated/types/core-v1.ts';
import { fieldInvalid } from '../../meta/field-error.ts';
import { typedStrategy } from '../strategy.ts';

/** Where events about cluster-scoped objects go. */
const clusterScopedNamespace = 'default';

export const eventStrategy = typedStrategy<Event>({
  setDefaults(event) {
    event.source ??= {};
  },
  validate({ metadata, involvedObject }) {
    const about = involvedObject?.namespace ?? '';
    const own = metadata?.namespace ?? '';
    if (about === own || (about === '' && (own === clusterScopedNamespace || own === 'kube-system'))) return [];
    return [fieldInvalid('involvedObject.namespace', about, 'does not match event.namespace')];
  },
});
