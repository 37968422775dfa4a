/** Reads a kubeconfig: the part that says where the server is and who we are. */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parse } from 'yaml';

export interface ClusterAccess {
  /** `https://host:port`, without a slash at the end. */
  readonly server: string;
  /** PEM. Absent: the system's authorities. */
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly token?: string | undefined;
  /** Name to expect in the server's certificate instead of the host. */
  readonly serverName?: string | undefined;
  readonly insecureSkipVerify?: boolean | undefined;
  /** Namespace of the context, `default` where it names none. */
  readonly namespace: string;
}

type Entry = Record<string, unknown>;

/**
 * @param text the file's content, YAML or JSON.
 * @param folder where relative paths in it start from.
 * @param contextName default: the file's `current-context`.
 * @throws Error that names what is missing.
 */
export function parseKubeconfig(text: string, folder = '.', contextName?: string): ClusterAccess {
  const config = parse(text) as Entry | null;
  if (typeof config !== 'object' || config === null) throw new Error('kubeconfig: not a YAML mapping');
  const wanted = contextName ?? (config['current-context'] as string | undefined);
  if (!wanted) throw new Error('kubeconfig: current-context is not set');
  const context = named(config, 'contexts', wanted, 'context');
  const cluster = named(config, 'clusters', String(context.cluster), 'cluster');
  const user = context.user ? named(config, 'users', String(context.user), 'user') : {};
  const server = cluster.server;
  if (typeof server !== 'string') throw new Error(`kubeconfig: cluster "${String(context.cluster)}" has no server`);
  const tokenFile = user.tokenFile as string | undefined;
  return {
    server: server.replace(/\/+$/, ''),
    ca: pem(cluster, 'certificate-authority', folder),
    cert: pem(user, 'client-certificate', folder),
    key: pem(user, 'client-key', folder),
    token: (user.token as string | undefined) ?? (tokenFile && readFileSync(resolve(folder, tokenFile), 'utf8').trim()),
    serverName: cluster['tls-server-name'] as string | undefined,
    insecureSkipVerify: cluster['insecure-skip-tls-verify'] === true,
    namespace: (context.namespace as string | undefined) ?? 'default',
  };
}

export function loadKubeconfig(file: string, contextName?: string): ClusterAccess {
  return parseKubeconfig(readFileSync(file, 'utf8'), dirname(file), contextName);
}

function named(config: Entry, list: string, name: string, field: string): Entry {
  const entries = (config[list] as Entry[] | undefined) ?? [];
  const entry = entries.find((candidate) => candidate.name === name)?.[field];
  if (typeof entry !== 'object' || entry === null) throw new Error(`kubeconfig: no ${field} "${name}"`);
  return entry as Entry;
}

function pem(entry: Entry, field: string, folder: string): string | undefined {
  const data = entry[`${field}-data`];
  if (typeof data === 'string') return Buffer.from(data, 'base64').toString('utf8');
  const file = entry[field];
  return typeof file === 'string' ? readFileSync(resolve(folder, file), 'utf8') : undefined;
}
