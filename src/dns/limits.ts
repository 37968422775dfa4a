/** Every bound of the cluster's DNS, in one place. */

/** Of every record about the cluster, as CoreDNS has it; also how long an answer "there is no such name" may be kept. */
export const clusterTtlSeconds = 5;
/** An answer over UDP that fits one packet on every path (DNS Flag Day 2020), and one without EDNS (RFC 1035). */
export const maxUdpBytes = 1_232;
export const plainUdpBytes = 512;
/** What a query may be long: a name of 255 bytes and EDNS options. Longer ones are dropped. */
export const maxQueryBytes = 1_024;
export const maxTcpBytes = 65_535;
/** Records in one answer about the cluster: about as many as one message over TCP holds. */
export const maxAnswers = 1_000;
/** A CNAME that points to a CNAME within the cluster, and so on. */
export const maxAliases = 8;
/** Answers about the cluster that are kept ready to send; all are forgotten when the cluster changes. */
export const maxReadyAnswers = 4_096;

export const tcp = {
  maxConnections: 256,
  /** Of one client: the others must find room. */
  maxConnectionsPerClient: 32,
  idleMs: 10_000,
  /** Questions of one connection that are being answered; then it is read no further. */
  maxPending: 16,
} as const;

export const forward = {
  /** Questions on their way to other servers; more are answered SERVFAIL at once. */
  maxPending: 1_000,
  /** How long one server may take before the next is asked, how many times another is asked, and the whole. Clients give up after 5 s. */
  attemptMs: 1_500,
  maxAttempts: 3,
  /** Of answers that are kept: number and bytes; least recently used first. */
  maxCached: 10_000,
  maxCachedBytes: 16 * 1024 * 1024,
  /** However long an answer says that it holds. */
  maxTtlSeconds: 3_600,
  maxNegativeTtlSeconds: 60,
} as const;
