/** Every bound and interval of the dispatcher, in one place. */

/** What agents are told at Welcome. A node is judged dead after several of these. */
export const heartbeatIntervalMs = 2_000;
/** A node is heard while its last sign of life is not older than this: one heartbeat may be lost. */
export const heardWithinMs = 2 * heartbeatIntervalMs;
/** One Assignments message holds at most this many changes and, unless a single object is larger, this many bytes. */
export const maxChunkChanges = 100;
export const maxChunkBytes = 256 * 1024;
/** Things that changed while a stream did not take any more; past this the stream is closed and the agent resumes. */
export const maxPendingItems = 20_000;
/** A stream that takes nothing for this long is closed. */
export const stalledStreamMs = 30_000;
/** How long a new session may take until its Hello. */
export const helloTimeoutMs = 10_000;
/** Changes remembered per node, for agents that resume; of Node objects, which all agents get, in common. */
export const maxTouchedPerNode = 1_000;
export const maxTouchedNodes = 10_000;
/** Nodes, present and past, whose changes are remembered. */
export const maxTouchedLogs = 20_000;
/** Sessions at a time: more than the 5,000 nodes that a cluster is made for, so that reconnects have room. */
export const maxSessions = 12_000;
/** Updates in one batch of statuses. */
export const maxBatchUpdates = 5_000;
/** How often a quiet session is told how far it is up to date. */
export const progressIntervalMs = 10_000;
/** As the kubelet does: Leases are renewed this often and hold four times as long. */
export const leaseRenewIntervalMs = 10_000;
export const leaseDurationSeconds = 40;
/** A master that cannot read linearizably for this long sends its agents away; and how often it tries. */
export const isolationMs = 6_000;
export const isolationProbeMs = 1_000;
/** Delay before a write that failed for now is tried again: doubled from the first to the last. */
export const retryBaseMs = 50;
export const retryMaxMs = 5_000;
/** How long another master may take to say whom it saw. */
export const peerTimeoutMs = 1_000;
/** Nodes in one question to another master. */
export const maxLastSeenNodes = 20_000;
/** Changes of the network remembered for agents that resume: about as many as 5,000 Services with 50,000 endpoints and their pods have objects. */
export const maxTouchedNetwork = 100_000;
/** How long a new network stream waits until this master has read what the others have committed. */
export const networkReadMs = 5_000;
