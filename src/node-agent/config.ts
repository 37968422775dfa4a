/** `trimast agent --config F`: the file, as JSON. Relative paths are relative to the file. */
import type { HousekeepingSettings } from './housekeeping/housekeeping.ts';

export interface AgentConfig {
  readonly nodeName: string;
  readonly dataDir: string;
  /** host:port of every master's gRPC listener. */
  readonly masters: readonly string[];
  readonly tls: {
    readonly caFile: string;
    /** Client and server certificate: common name `system:node:NAME`, organization `system:nodes`, the node's address as SAN. */
    readonly certFile: string;
    readonly keyFile: string;
  };
  /** The node's own address (InternalIP); the agent's HTTPS server listens there on `port`. */
  readonly address: string;
  /** The node's addresses of the other family (InternalIPs too). */
  readonly moreAddresses?: readonly string[];
  /** Default 10250. */
  readonly port: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly runtime:
    | {
        readonly kind: 'containerd';
        readonly socket: string;
        /** Where containerd reads its CNI configuration; the agent writes the pod network there once it knows the node's range. */
        readonly cniConfDir: string;
        /** Root of pod logs: `<dir>/<namespace>_<name>_<uid>/<container>/<n>.log`. Default /var/log/pods. */
        readonly podLogsDir: string;
        /** Parent cgroup of all pods, e.g. `/trimast-1a2b3c-worker-1`. */
        readonly cgroupParent: string;
        /** Processes and threads that one pod may have; 0 = no limit. Default 4096. */
        readonly podPidsLimit?: number;
      }
    | {
        readonly kind: 'hollow';
        /** How many nodes this process plays: NAME-1 to NAME-N, or just NAME for 1. Certificates: `hollowCertDir/NAME-i.{crt,key}` when N > 1. */
        readonly nodes: number;
        readonly certDir?: string;
      };
  /** Sysctls that pods may set beyond those that are safe; `kernel.msg*` stands for all that begin so. */
  readonly allowedUnsafeSysctls?: readonly string[];
  /** Where this node answers for the cluster's names; its pods ask there. Absent: no DNS of the cluster's. */
  readonly housekeeping?: HousekeepingSettings;
  readonly clusterDns?: readonly string[];
  /** For names that are not the cluster's. */
  readonly dns?: {
    /** `address` or `address:port`; default what the node itself asks. */
    readonly servers?: readonly string[];
    /** By domain: who is asked for what ends with it. */
    readonly stubDomains?: Readonly<Record<string, readonly string[]>>;
  };
  /**
   * Packets to other nodes' pods: in a tunnel only to nodes that are no neighbours on a shared link (`auto`, the default), in a tunnel to all
   * (`always`, for networks that drop addresses which they do not know), or never.
   */
  readonly overlay?: 'auto' | 'always' | 'never';
  readonly clusterDomain: string;
}
