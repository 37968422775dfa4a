/** Where everything of a cluster lies: in its folder. */
import { createHash } from 'node:crypto';
import { existsSync, realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type CertificateFiles, PkiDirectory } from '../../pki/pki-directory.ts';

export const repositoryRoot = fileURLToPath(new URL('../../..', import.meta.url)).replace(/\/$/, '');
export const mainScript = join(repositoryRoot, 'src/cli/main.ts');
export const defaultDir = join(repositoryRoot, '.trimast');

/** Leaves room for `/run/worker-99/cri.sock.ttrpc`. */
const longestDirForSockets = 76;

export class ClusterPaths {
  /** Absolute, without symbolic links: two spellings of a folder are the same cluster. */
  readonly dir: string;

  constructor(dir: string) {
    this.dir = canonical(resolve(dir));
  }

  /** Hexadecimal; the first six digits are the cluster's id. */
  get hash(): string {
    return createHash('sha256').update(this.dir).digest('hex');
  }

  get clusterFile(): string {
    return join(this.dir, 'cluster.json');
  }
  get lockFile(): string {
    return join(this.dir, 'lock');
  }
  get pkiDir(): string {
    return join(this.dir, 'pki');
  }
  /** A master's identity, apart from its data: it outlives a lost disk. */
  identityKeyFile(master: string): string {
    return join(this.pkiDir, `${master}.identity.key`);
  }
  get caFile(): string {
    return join(this.pkiDir, 'ca.crt');
  }
  get caKeyFile(): string {
    return join(this.pkiDir, 'ca.key');
  }
  /** By which masters show aggregated API servers that they are masters: a CA and a certificate of their own. */
  get frontProxy(): CertificateFiles {
    return new PkiDirectory(join(this.pkiDir, 'front-proxy')).files('front-proxy');
  }
  get configDir(): string {
    return join(this.dir, 'config');
  }
  get kubeconfig(): string {
    return join(this.dir, 'kubeconfig');
  }
  get runDir(): string {
    return join(this.dir, 'run');
  }
  get logsDir(): string {
    return join(this.dir, 'logs');
  }
  /** Where backups go that name no other place. */
  get backupsDir(): string {
    return join(this.dir, 'backups');
  }
  get dataDir(): string {
    return join(this.dir, 'data');
  }

  configFile(member: string, extension = 'json'): string {
    return join(this.configDir, `${member}.${extension}`);
  }
  logFile(member: string): string {
    return join(this.logsDir, `${member}.log`);
  }
  memberData(member: string): string {
    return join(this.dataDir, member);
  }

  /** Where sockets, mounts and tasks of the workers' containerds lie. A socket's path has at most 107 bytes, so deep folders use /run. */
  get runtimeDir(): string {
    return this.dir.length <= longestDirForSockets ? this.runDir : `/run/trimast-${this.hash.slice(0, 6)}`;
  }
  containerdState(worker: string): string {
    return join(this.runtimeDir, worker);
  }
  containerdSocket(worker: string): string {
    return join(this.containerdState(worker), 'cri.sock');
  }
  cniConfDir(worker: string): string {
    return join(this.configDir, `${worker}-cni`);
  }
}

/** Like realpath, for a path whose last parts need not exist yet. */
function canonical(path: string): string {
  if (existsSync(path)) return realpathSync(path);
  const parent = dirname(path);
  return parent === path ? path : join(canonical(parent), basename(path));
}
