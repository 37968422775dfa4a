/** What a recovery from a lost quorum would do, from what the disks of the survivors hold. Pure. */
import type { FolderReport } from '../../server/offline/state-folder.ts';
import { renderTable } from '../render-table.ts';

export interface Candidate extends FolderReport {
  readonly name: string;
  readonly running: boolean;
}

export type RecoveryPlan =
  | { readonly type: 'refuse'; readonly reason: string }
  | {
      readonly type: 'recover';
      readonly from: Candidate;
      /** Masters whose state is not used. */
      readonly discarded: readonly Candidate[];
      /** What a person should know before saying yes, one sentence each. */
      readonly losses: readonly string[];
    };

/** `others`: data of another epoch or cluster counts as lost, like a folder that is missing or damaged. */
export function planRecovery(candidates: readonly Candidate[], raftClusterId: string): RecoveryPlan {
  const quorum = Math.floor(candidates.length / 2) + 1;
  const usable = candidates.filter(({ state, identity }) => state === 'ok' && identity?.clusterId === raftClusterId);
  if (usable.length >= quorum) {
    return {
      type: 'refuse',
      reason:
        `${usable.map(({ name }) => name).join(', ')}: ${usable.length} of ${candidates.length} masters have their data, which is a ` +
        'quorum. Nothing is lost: start them with "trimast up"',
    };
  }
  if (usable.length === 0) {
    return {
      type: 'refuse',
      reason: 'no master has data that can be used: restore a backup with "trimast backup restore"',
    };
  }
  const [from, ...behind] = [...usable].sort((a, b) => b.lastTerm - a.lastTerm || b.lastIndex - a.lastIndex);
  const discarded = candidates.filter((one) => one !== from);
  return { type: 'recover', from: from!, discarded, losses: describeLosses(from!, behind, discarded) };
}

function describeLosses(from: Candidate, behind: readonly Candidate[], discarded: readonly Candidate[]): string[] {
  const gone = discarded.filter((one) => !behind.includes(one)).map(({ name }) => name);
  const losses = [
    `Writes that were acknowledged by ${gone.join(' and ')} and had not reached ${from.name} are lost; nobody can tell how many. ` +
      `${from.name} ends at log entry ${from.lastIndex} of term ${from.lastTerm}.`,
  ];
  const uncertain = from.lastIndex - from.commitIndex;
  if (uncertain > 0) {
    losses.push(
      `${from.name} did not know whether its last ${uncertain} ${uncertain === 1 ? 'entry was' : 'entries were'} committed. They are kept: ` +
        'a write whose client got no answer may therefore turn out to have happened.',
    );
  }
  for (const other of behind) {
    const entries = from.lastTerm === other.lastTerm ? `${from.lastIndex - other.lastIndex} entries ` : '';
    losses.push(`${other.name} is ${entries}behind ${from.name}; its data is not used.`);
  }
  return losses;
}

export function renderCandidates(candidates: readonly Candidate[]): string {
  const rows = candidates.map((one) => [
    one.name,
    one.running ? 'running' : 'down',
    one.state,
    one.state === 'missing' ? '-' : String(one.lastTerm),
    one.state === 'missing' ? '-' : String(one.lastIndex),
    one.state === 'missing' ? '-' : String(one.commitIndex),
    one.state === 'missing' ? '-' : String(one.snapshotIndex),
    one.identity?.clusterId ?? '-',
  ]);
  const header = ['NAME', 'PROCESS', 'DATA', 'TERM', 'LAST', 'COMMITTED', 'SNAPSHOT', 'CLUSTER#EPOCH'];
  const problems = candidates.flatMap(({ name, problem }) => (problem ? [`${name}: ${problem}\n`] : []));
  return renderTable([header, ...rows]) + problems.join('');
}
