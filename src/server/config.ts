/** `trimast master --config F`: the file, as JSON. Relative paths are relative to the file. */
import type { ApiServerConfig } from '../apiserver/config.ts';
import type { Compression, S3Options } from '../backup/index.ts';

export interface MasterMember {
  /** Raft member id, 1 or more, never used again for another machine. */
  readonly id: number;
  readonly name: string;
  /** host:port of each listener, as other machines reach it. */
  readonly apiAddress: string;
  readonly grpcAddress: string;
  readonly raftAddress: string;
  /** Where etcd's clients connect (etcd's port is 2379). Absent: this master has no etcd interface. */
  readonly etcdAddress?: string;
}

export interface MasterConfig {
  readonly name: string;
  readonly clusterId: string;
  /** Goes up by one when the cluster is recovered or restored; default 1. */
  readonly epoch?: number;
  readonly memberId: number;
  /** The cluster exists: an empty data folder means that this master comes to it (again), and never that it may found it. */
  readonly join?: boolean;
  /** Made when missing; default `identity.key` in `dataDir`. */
  readonly identityKeyFile?: string;
  readonly dataDir: string;
  /** All masters, this one included. It listens on the host of its own addresses. */
  readonly members: readonly MasterMember[];
  readonly tls: {
    readonly caFile: string;
    /** Server and client certificate of this master (organizations `trimast:masters` and `system:masters`). */
    readonly certFile: string;
    readonly keyFile: string;
  };
  /** Signs service-account tokens. */
  readonly serviceAccountKeyFile: string;
  readonly network: {
    readonly podCidr: string;
    /** Length of each node's own range within `podCidr`. */
    readonly nodeCidrMaskSize: number;
    readonly serviceCidr: string;
    readonly clusterDomain: string;
    /** Addresses on a link of the nodes that Services of type LoadBalancer are given: `192.0.2.16/28`, `192.0.2.20-192.0.2.40`. Default none. */
    readonly loadBalancerPools?: readonly string[];
  };
  readonly nodeLifecycle?: {
    /** A node is not ready this long after its last heartbeat; default 10,000. */
    readonly graceMs?: number;
    /** Pods leave a node that has not been ready for this long; default 5 * 60,000, as in Kubernetes' tolerations. */
    readonly evictionMs?: number;
  };
  /** Between two rounds in which a master reads its own log, snapshot and state again, in search of damage; default 10 minutes. */
  readonly scrubPauseMs?: number;
  /** The leader makes backups by itself. */
  readonly backup?: BackupConfig;
  /** Of the API server: auditing, and who else tells who somebody is and what they may do. */
  readonly apiServer?: ApiServerConfig;
  /** What does not run on this leader because somebody else does it: `scheduler`, `controllers`, or single controllers by name. */
  readonly disable?: readonly string[];
  /** The CA that certificate signing requests are signed with. Absent: nobody signs. */
  readonly signing?: { readonly certFile: string; readonly keyFile: string };
  /** Who this master is to aggregated API servers, and the CA by which they know it. Absent: there is no aggregation. */
  readonly frontProxy?: { readonly caFile: string; readonly certFile: string; readonly keyFile: string };
}

export type { ApiServerConfig };

export interface BackupConfig {
  /** `6h`, or five cron fields in UTC such as `30 3 * * *`. */
  readonly schedule: string;
  /** A folder, the same on every master or one on each, or `s3://bucket/prefix`. */
  readonly to: string;
  /** Backups kept; default 7. */
  readonly keep?: number;
  /** Default zstd. */
  readonly compression?: Compression;
  /** Endpoint, region and credentials file; the environment (AWS_...) where they are absent. */
  readonly s3?: S3Options;
}
