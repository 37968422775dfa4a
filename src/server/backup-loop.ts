/**
 * Backups on a schedule, by the leader. What was done is read from the place where backups are, so a new leader goes on where the old one
 * ended and a place that was emptied is filled at once.
 */
import {
  type BackupTarget,
  type Compression,
  nextDueMs,
  parseBackupName,
  parseSchedule,
  surplusBackups,
} from '../backup/index.ts';
import type { LeaderContext } from '../client/types.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import { type SnapshotSource, takeSnapshot } from './cluster/snapshot-source.ts';
import { writeBackup } from './cluster/write-backup.ts';

const retryMs = 60_000;
/** Timers of Node.js wrap beyond 2^31 ms. */
const longestTimerMs = 86_400_000;
const defaultKeep = 7;

export interface BackupLoopOptions {
  readonly schedule: string;
  readonly keep?: number | undefined;
  readonly compression?: Compression | undefined;
  readonly target: BackupTarget;
  readonly source: SnapshotSource;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface BackupLoopStatus {
  lastName?: string;
  lastAt?: string;
  nextAt?: string;
  /** Of the last try, when it failed. */
  problem?: string;
}

export function startBackupLoop(
  { signal }: Pick<LeaderContext, 'signal'>,
  options: BackupLoopOptions,
): BackupLoopStatus {
  const { target, source, clock, logger, keep = defaultKeep, compression = 'zstd' } = options;
  const schedule = parseSchedule(options.schedule);
  const status: BackupLoopStatus = {};
  const { clusterId } = source.identity;
  let cancel = () => {};

  const lastTakenMs = async (): Promise<number | undefined> => {
    const own = (await target.list())
      .map(({ name }) => parseBackupName(name))
      .filter((backup) => backup?.clusterId === clusterId);
    const times = own.map((backup) => Date.parse(backup!.takenAt));
    return times.length === 0 ? undefined : Math.max(...times);
  };
  const makeOne = async (): Promise<void> => {
    const { name, manifest, trailer } = await writeBackup(target, await takeSnapshot(source), compression);
    status.lastName = name;
    status.lastAt = manifest.takenAt;
    logger.info({ backup: name, target: target.description, bytes: trailer.storedBytes }, 'backup made');
    for (const surplus of surplusBackups(await target.list(), clusterId, keep)) await target.remove(surplus);
  };
  const round = async (): Promise<void> => {
    if (signal.aborted) return;
    let waitMs = retryMs;
    try {
      const dueMs = nextDueMs(schedule, await lastTakenMs(), clock.nowMs());
      if (dueMs <= clock.nowMs() && !signal.aborted) await makeOne();
      const nextMs = nextDueMs(schedule, (await lastTakenMs()) ?? clock.nowMs(), clock.nowMs());
      status.nextAt = new Date(nextMs).toISOString();
      waitMs = Math.min(Math.max(1_000, nextMs - clock.nowMs()), longestTimerMs);
      delete status.problem;
    } catch (error) {
      status.problem = error instanceof Error ? error.message : String(error);
      if (!signal.aborted)
        logger.warn({ reason: status.problem, target: target.description, retryMs }, 'backup failed');
    }
    if (!signal.aborted) cancel = clock.setTimer(waitMs, () => void round());
  };

  signal.addEventListener('abort', () => cancel(), { once: true });
  void round();
  return status;
}
