/**
 * Compares the replicas' states while they work. The leader puts a mark into the log every few seconds while something is written; every master
 * collects the hashes that all have at the marks and judges itself: whoever differs from a majority stops serving and is rebuilt. Besides,
 * each reads its own state again now and then, which finds what has changed in memory without having been written.
 */

import type { LeaderContext } from '../../client/types.ts';
import { ClusterService } from '../../gen/trimast/cluster/v1/cluster_pb.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Store } from '../../store/types.ts';
import type { DirectoryMember, MemberDirectory } from '../cluster/member-directory.ts';
import type { PeerClients } from '../cluster/peer-clients.ts';
import { compareHashes, type Mark, type ReplicaMarks } from './compare-hashes.ts';

export const markIntervalMs = 3_000;
const compareIntervalMs = 3_000;
const callTimeoutMs = 2_000;
/** A pass over 1 GiB takes seconds of one core, in slices. */
const defaultVerifyIntervalMs = 10 * 60_000;

/** On the leader. Nothing written since the last mark: nothing to compare. */
export function startHashMarks({ term, signal }: LeaderContext, store: Store, logger: Logger): void {
  let marked = 0;
  const timer = setInterval(() => {
    if (store.revision === marked) return;
    const { revision } = store;
    store.markHash({ fenceTerm: term, signal, timeoutMs: markIntervalMs }).then(
      () => {
        marked = revision;
      },
      (error: Error) => {
        if (!signal.aborted) logger.debug({ reason: error.message }, 'no hash mark');
      },
    );
  }, markIntervalMs);
  timer.unref();
  signal.addEventListener('abort', () => clearInterval(timer), { once: true });
}

export interface HashWatchOptions {
  readonly memberId: number;
  readonly store: Pick<Store, 'hashMarks' | 'verifyHash' | 'revision'>;
  readonly directory: MemberDirectory;
  readonly clients: PeerClients;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  readonly verifyIntervalMs?: number | undefined;
  /** This replica's state is wrong; called once. */
  readonly onDiffers: (reason: string) => void;
}

export interface HashWatch {
  /** What is wrong with others, for people; by member id. */
  readonly problems: ReadonlyMap<number, string>;
}

export function startHashWatch(options: HashWatchOptions): HashWatch {
  const { memberId, store, directory, clients, logger, signal, onDiffers } = options;
  const problems = new Map<number, string>();
  let undecided: string | undefined;
  let ended = false;
  const end = (reason: string) => {
    if (ended) return;
    ended = true;
    onDiffers(reason);
  };

  const ask = async ({ id, name, grpcAddress }: DirectoryMember): Promise<ReplicaMarks | undefined> => {
    try {
      const deadline = Date.now() + callTimeoutMs;
      const answer = await clients.at(grpcAddress).unary(ClusterService.method.getHashes, {}, { signal, deadline });
      if (Number(answer.id) !== id || answer.isolated !== '') return undefined;
      const marks = answer.marks.map(
        ({ index, revision, hash }): Mark => ({ index: Number(index), revision: Number(revision), hash }),
      );
      return { id, marks };
    } catch (error) {
      logger.debug({ master: name, reason: (error as Error).message }, 'no hashes of a master');
      return undefined;
    }
  };
  const compare = async (): Promise<void> => {
    const answers = await Promise.all(directory.others().map(ask));
    if (signal.aborted) return;
    const replicas = [{ id: memberId, marks: store.hashMarks() }, ...answers.filter((answer) => answer !== undefined)];
    const voters = directory.list().filter(({ learner }) => !learner).length;
    const verdict = compareHashes(replicas, voters);
    const before = new Map(problems);
    problems.clear();
    if (verdict.type === 'undecided') {
      const text = `the states of members ${verdict.ids.join(', ')} differ at revision ${verdict.revision}, and no majority says which is right`;
      if (text !== undecided) logger.error({ ids: verdict.ids, revision: verdict.revision }, text);
      undecided = text;
      for (const id of verdict.ids) problems.set(id, text);
    } else if (verdict.type === 'differ') {
      for (const id of verdict.ids) {
        const text = `state differs from the majority's at revision ${verdict.revision} (log index ${verdict.index})`;
        if (id === memberId) end(text);
        else {
          problems.set(id, text);
          if (!before.has(id)) logger.error({ member: nameOf(directory, id), revision: verdict.revision }, text);
        }
      }
    }
  };
  const verify = async (): Promise<void> => {
    const { ok, expected, found, versions } = await store.verifyHash({ signal });
    if (ok) logger.debug({ versions }, 'the state in memory is what was written');
    else end(`its state in memory has changed without a write: hash ${found} instead of ${expected}`);
  };
  repeat(compareIntervalMs, compare);
  repeat(options.verifyIntervalMs ?? defaultVerifyIntervalMs, verify);
  return { problems };

  function repeat(intervalMs: number, action: () => Promise<void>): void {
    const again = () => {
      if (signal.aborted || ended) return;
      action()
        .catch((error: Error) => {
          if (!signal.aborted)
            logger.warn({ reason: error.message }, 'the comparison of states failed; next try later');
        })
        .finally(schedule);
    };
    const schedule = () => setTimeout(again, intervalMs).unref();
    schedule();
  }
}

function nameOf(directory: MemberDirectory, id: number): string {
  return directory.list().find((member) => member.id === id)?.name ?? String(id);
}
