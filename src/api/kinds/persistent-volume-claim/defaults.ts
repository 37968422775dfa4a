/** Defaults of claims, on their own and in the templates of StatefulSets. In place. */
import type { PersistentVolumeClaim, PersistentVolumeClaimSpec } from '../../generated/types/core-v1.ts';

export function setClaimDefaults({ spec }: PersistentVolumeClaim): void {
  if (spec) spec.volumeMode ||= 'Filesystem';
}

/** The older name of a source and the newer one are kept equal where they can say the same; in place. */
export function normalizeDataSources(spec: PersistentVolumeClaimSpec | undefined): void {
  if (!spec) return;
  if (spec.dataSource && !spec.dataSourceRef) {
    spec.dataSourceRef = { ...spec.dataSource };
    return;
  }
  if (spec.dataSource || !spec.dataSourceRef || spec.dataSourceRef.namespace) return;
  const { apiGroup, kind, name } = spec.dataSourceRef;
  spec.dataSource = { ...(apiGroup !== undefined && { apiGroup }), kind, name };
}

/** The older field only ever knew claims and snapshots; anything else in it has always been dropped without a word. In place. */
export function dropForeignSource(spec: PersistentVolumeClaimSpec | undefined): void {
  const source = spec?.dataSource;
  if (!source) return;
  const isClaim = !source.apiGroup && source.kind === 'PersistentVolumeClaim';
  const isSnapshot = source.apiGroup === 'snapshot.storage.k8s.io' && source.kind === 'VolumeSnapshot';
  if (!isClaim && !isSnapshot) delete spec.dataSource;
}
