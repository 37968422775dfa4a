/** Bounds of the streaming interface. */

/** Unanswered calls of one stream; the server stops reading beyond that. */
export const maxCallsInFlight = 4_096;
/** Reading goes on when this few are left. */
export const resumeCallsInFlight = 2_048;
/** Operations and comparisons of one transaction, each. */
export const maxTransactionOperations = 128;
/** Answers travel together up to about this many bytes. */
export const responseBytes = 64 * 1024;
