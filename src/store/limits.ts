/** Every bound of the store, in one place. */

/** Of one value. */
export const maxValueBytes = 1.5 * 1024 * 1024;
/** Of one key. */
export const maxKeyBytes = 4 * 1024;
/** Of one encoded command, as it travels through consensus. */
export const maxCommandBytes = 8 * 1024 * 1024;
/** Compares, and operations of each branch, of one transaction; with those nested in it 3 times as many in all. */
export const maxTransactionItems = 4_096;
/** Of transactions within transactions. */
export const maxTransactionDepth = 128;
/** Leases that one command renews, revokes or checkpoints. */
export const maxLeasesPerCommand = 1_000;
/** Leases at a time. */
export const maxLeases = 1_000_000;
/** A shorter time to live is raised to this, as etcd does it with its default election timeout. */
export const minLeaseTtlSeconds = 2;
export const maxLeaseTtlSeconds = 9_000_000_000;
/** Of one chunk of a snapshot. */
export const maxSnapshotChunkBytes = 1024 * 1024;
/** Events per call while a watch catches up with history; a revision is never cut in two. */
export const maxCatchUpEvents = 1_000;
/** Keys that one compaction command of format 1 visits. Never to be changed: logs are read again. */
export const maxCompactionKeys = 4_096;
/** Work of one compaction command, so that it does not hold up the commands behind it: about 2 ms of a processor. */
export const compactionUnits = 500;
/** Versions that a watch looks at per turn of the event loop while it catches up. */
export const maxCatchUpVersions = 10_000;
/** Time without an event after which a watch that wants it is told how far it is, as in etcd. */
export const progressIntervalMs = 10 * 60_000;
/** Hash marks that are remembered. */
export const maxHashMarks = 64;
/** Watches at a time. */
export const maxWatches = 100_000;
/** Callers of `waitForRevision` at a time. */
export const maxRevisionWaiters = 10_000;
/** How long `waitForRevision` waits when its caller does not say. */
export const defaultRevisionWaitMs = 3_000;
/** Commands, and bytes, that travel in one entry of the log. */
export const maxBatchCommands = 1_024;
export const maxBatchBytes = 512 * 1024;
