/** Bounds of the etcd interface; the numbers are etcd's defaults where it has them. */

/** Of one request, without what gRPC adds. */
export const maxRequestBytes = 1.5 * 1024 * 1024;
/** Compares, or operations of a branch, of one transaction with all that is nested in it. */
export const maxTransactionOps = 128;
/** Watches of one stream. */
export const maxWatchesPerStream = 10_000;
/** Keep-alives of one stream that are not answered. */
export const maxKeepAlivesInFlight = 1_000;
/** Of one message of a snapshot. */
export const snapshotMessageBytes = 32 * 1024;
/** A lock or candidacy without a lease of its own gets one of this length. */
export const defaultSessionSeconds = 60;
/** A stream that wants a leader ends when none was known for this long. */
export const leaderlessLimitMs = 3_000;
