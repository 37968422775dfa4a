/** What a master tells of its store and its place in the cluster, when somebody asks. */
import type { KindRegistry } from '../api/definition.ts';
import { resourcePrefix } from '../apiserver/keys.ts';
import { addProcessMetrics } from '../lib/metrics/process-metrics.ts';
import type { MetricsRegistry } from '../lib/metrics/registry.ts';
import type { RaftNode } from '../raft/types.ts';
import { prefixEnd, type Store } from '../store/types.ts';

export interface MasterMetricsOptions {
  readonly raft: Pick<RaftNode<unknown>, 'leadership'>;
  readonly store: Pick<Store, 'range' | 'revision' | 'compactedRevision' | 'stateHash'>;
  readonly registry: KindRegistry;
  readonly version: string;
}

export function addMasterMetrics(metrics: MetricsRegistry, options: MasterMetricsOptions): void {
  const { raft, store, registry, version } = options;
  addProcessMetrics(metrics);
  const gauge = (name: string, help: string, read: () => number) =>
    metrics.sampled({ name, help, type: 'gauge' }, () => [[[], read()]]);
  gauge('trimast_raft_has_leader', 'Whether a leader is known.', () =>
    raft.leadership().leaderId === undefined ? 0 : 1,
  );
  gauge('trimast_raft_is_leader', 'Whether it is this master.', () => (raft.leadership().isLeader ? 1 : 0));
  gauge('trimast_raft_term', 'The Raft term that this master is in.', () => raft.leadership().term);
  gauge(
    'trimast_raft_applied_index',
    'Last entry of the log that was applied here.',
    () => store.stateHash().appliedIndex,
  );
  gauge('trimast_store_revision', 'Revision of the state here.', () => store.revision);
  gauge('trimast_store_compacted_revision', 'History up to here is gone.', () => store.compactedRevision);
  const build = { name: 'kubernetes_build_info', help: 'What runs here.', type: 'gauge' as const };
  metrics.sampled({ ...build, labels: ['git_version', 'major', 'minor'] }, () => [[[version, '1', '35'], 1]]);
  const objects = { name: 'apiserver_resource_objects', help: 'Objects stored, by resource.', type: 'gauge' as const };
  metrics.sampled({ ...objects, labels: ['group', 'resource'] }, () =>
    registry.definitions
      .filter(({ stored }) => !stored)
      .map((definition) => {
        const key = resourcePrefix(definition);
        const { count } = store.range({ key, end: prefixEnd(key), countOnly: true });
        return [[definition.group, definition.resource], count] as const;
      }),
  );
}
