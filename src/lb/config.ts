/** `trimast lb --config F`: the file, as JSON. Relative paths are relative to the file. */

export interface LoadBalancerConfig {
  /** host:port to listen on. */
  readonly listen: string;
  /** host:port of each master's API listener. */
  readonly backends: readonly { readonly name: string; readonly address: string }[];
  /** For the health check of `/readyz`: the CA, and a client certificate. */
  readonly tls: { readonly caFile: string; readonly certFile: string; readonly keyFile: string };
  /** Default 200. */
  readonly checkIntervalMs?: number;
}
