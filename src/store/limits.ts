/** Every bound of the store, in one place. */

/** Of one value. */
export const maxValueBytes = 1.5 * 1024 * 1024;
/** Of one key. */
export const maxKeyBytes = 4 * 1024;
/** Of one encoded command, as it travels through consensus. */
export const maxCommandBytes = 8 * 1024 * 1024;
/** Compares, and operations of each branch, of one transaction. */
export const maxTransactionItems = 4_096;
/** Of one chunk of a snapshot. */
export const maxSnapshotChunkBytes = 1024 * 1024;
/** Recent events that are kept in order for watches that begin a little in the past; older ones are found in the keys' histories. */
export const maxRecentEvents = 16_384;
/** Events per call while a watch catches up with history; a revision is never cut in two. */
export const maxCatchUpEvents = 1_000;
/** Keys that one compaction command visits, so that it does not hold up the commands behind it. */
export const maxCompactionKeys = 4_096;
/** Watches at a time. */
export const maxWatches = 100_000;
/** Callers of `waitForRevision` at a time. */
export const maxRevisionWaiters = 10_000;
/** How long `waitForRevision` waits when its caller does not say. */
export const defaultRevisionWaitMs = 3_000;
