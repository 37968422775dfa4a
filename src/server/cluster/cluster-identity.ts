/**
 * A cluster's id and epoch as consensus knows them. The epoch goes up when a cluster is recovered from a lost quorum or restored from a backup:
 * whoever still has data of an earlier epoch is as foreign as a member of another cluster.
 */
export interface ClusterIdentity {
  readonly clusterId: string;
  /** Undefined: 1. */
  readonly epoch?: number | undefined;
}

const separator = '#';

export function raftClusterId({ clusterId, epoch = 1 }: ClusterIdentity): string {
  return epoch === 1 ? clusterId : `${clusterId}${separator}${epoch}`;
}

export function parseRaftClusterId(text: string): { clusterId: string; epoch: number } {
  const at = text.lastIndexOf(separator);
  return at < 0 ? { clusterId: text, epoch: 1 } : { clusterId: text.slice(0, at), epoch: Number(text.slice(at + 1)) };
}

/** Why a folder of `found` is of no use to a member of `wanted`, and what to do; undefined when it is. */
export function explainMismatch(dataDir: string, found: string, wanted: ClusterIdentity): string | undefined {
  const { clusterId, epoch } = parseRaftClusterId(found);
  const ours = { clusterId: wanted.clusterId, epoch: wanted.epoch ?? 1 };
  if (clusterId === ours.clusterId && epoch === ours.epoch) return undefined;
  if (clusterId !== ours.clusterId)
    return `the data in ${dataDir} belongs to cluster "${clusterId}", not to "${ours.clusterId}": check dataDir in the configuration`;
  if (epoch < ours.epoch)
    return (
      `the data in ${dataDir} is of epoch ${epoch}, but the cluster was recovered or restored since and is in epoch ${ours.epoch}: ` +
      'it must not take part again. Move the folder away and start this master once more: it is rebuilt from the others'
    );
  return `the data in ${dataDir} is of epoch ${epoch}, the configuration says ${ours.epoch}: use the configuration that was written at the recovery`;
}
