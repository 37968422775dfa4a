/** Brings one member up: its configuration is written, its process runs. What runs already is left alone. */
import { existsSync, mkdirSync } from 'node:fs';
import { PkiDirectory, writeAtomically } from '../../pki/pki-directory.ts';
import { CliError } from '../cli-error.ts';
import { renderContainerdConfig } from '../cluster/containerd-config.ts';
import type { ClusterPaths } from '../cluster/paths.ts';
import { renderAgent, renderLoadBalancer, renderMaster } from '../cluster/render-configs.ts';
import type { Cluster, Member } from '../cluster/topology.ts';
import { namespaceExists } from '../host/network.ts';
import { type ProcessIdentity, waitForExit } from '../host/processes.ts';
import { findUnrecorded, launch } from './launch.ts';
import { findLeftovers, removeDeadSockets } from './leftovers.ts';
import { runningProcess, writePidFile } from './pid-file.ts';

/** What containerd starts sandboxes with; `up` imports it under this name. */
export const sandboxImage = 'trimast.local/pause:latest';

/** A killed process ends when its disk has answered. */
const endTimeoutMs = 30_000;

export interface EnsuredMember {
  readonly member: Member;
  readonly identity: ProcessIdentity;
  /** False when it ran already. */
  readonly started: boolean;
}

export async function ensureMember(
  cluster: Cluster,
  member: Member,
  paths: ClusterPaths,
  environment: Readonly<Record<string, string>> = {},
): Promise<EnsuredMember> {
  const running = runningProcess(paths.runDir, member.name);
  if (running && running.state !== 'ending') return { member, identity: running, started: false };
  if (running && !(await waitForExit(running, endTimeoutMs)))
    throw new CliError(
      `start ${member.name}: process ${running.pid} was killed, but has not ended after ${endTimeoutMs} ms: ` +
        'it waits for its disk, and holds its files until then',
    );
  const unrecorded = findUnrecorded(member, paths);
  if (unrecorded) {
    writePidFile(paths.runDir, member.name, unrecorded);
    return { member, identity: unrecorded, started: false };
  }
  if (member.namespace && !namespaceExists(member.namespace)) {
    throw new CliError(`start ${member.name}: its network is missing; run "trimast up"`);
  }
  if (member.kind === 'containerd') await removeDeadSockets(findLeftovers(paths, member.worker!));
  writeConfig(cluster, member, paths);
  return { member, identity: await launch(member, paths, environment), started: true };
}

export function writeConfig(cluster: Cluster, member: Member, paths: ClusterPaths): void {
  mkdirSync(paths.configDir, { recursive: true });
  mkdirSync(paths.memberData(member.name), { recursive: true });
  if (member.kind === 'containerd') {
    writeAtomically(paths.configFile(member.name, 'toml'), containerdConfig(member, paths), 0o644);
    return;
  }
  const pki = new PkiDirectory(paths.pkiDir);
  const files = (name: string) => pki.files(name);
  const config =
    member.kind === 'master'
      ? renderMaster(cluster, member, paths, files, pki.serviceAccountKeyFile)
      : member.kind === 'agent'
        ? renderAgent(cluster, member, paths, files)
        : renderLoadBalancer(cluster, member, files);
  writeAtomically(paths.configFile(member.name), `${JSON.stringify(config, undefined, 2)}\n`, 0o644);
}

function containerdConfig(member: Member, paths: ClusterPaths): string {
  const worker = member.worker!;
  const registryConfigDir = `${paths.configDir}/registries`;
  for (const dir of [paths.containerdState(worker), paths.cniConfDir(worker), registryConfigDir]) {
    mkdirSync(dir, { recursive: true });
  }
  return renderContainerdConfig({
    root: paths.memberData(member.name),
    state: paths.containerdState(worker),
    socket: paths.containerdSocket(worker),
    cniConfDir: paths.cniConfDir(worker),
    cniBinDir: existsSync('/usr/lib/cni/ptp') ? '/usr/lib/cni' : '/opt/cni/bin',
    sandboxImage,
    registryConfigDir,
  });
}
