/** `trimast status`: who runs, who leads, how far each replica is. A master that does not answer is down, not an error. */
import { PkiDirectory } from '../../pki/pki-directory.ts';
import { type DirOption, openCluster } from '../cluster/open-cluster.ts';
import type { ClusterPaths } from '../cluster/paths.ts';
import { type Cluster, endpoint, type Member, type MemberKind, membersOfKind } from '../cluster/topology.ts';
import { leaderOf, type MasterStatus, MasterStatusClient } from '../members/master-status.ts';
import { runningProcess } from '../members/pid-file.ts';
import { renderTable } from '../render-table.ts';

/** `unreachable`: a master whose process runs but which does not answer. */
export type MemberState = 'running' | 'paused' | 'ending' | 'unreachable' | 'down';

export interface MemberStatus {
  readonly name: string;
  readonly kind: MemberKind;
  readonly state: MemberState;
  readonly pid?: number;
  readonly address: string;
  readonly ports: Readonly<Record<string, number>>;
  /** Masters that answer. */
  readonly leader?: boolean;
  readonly role?: string;
  readonly term?: number;
  readonly appliedIndex?: number;
  readonly appliedRevision?: number;
  readonly stateHash?: string;
  /** What is wrong with a master's state, in its own words or those of another. */
  readonly problem?: string;
}

export interface EtcdAccess {
  readonly endpoints: readonly string[];
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
}

export interface ClusterStatus {
  readonly id: string;
  readonly dir: string;
  readonly kubeconfig: string;
  /** For etcd's clients. Absent in clusters without this interface. */
  readonly etcd?: EtcdAccess;
  readonly members: readonly MemberStatus[];
}

export async function clusterStatus(cluster: Cluster, paths: ClusterPaths): Promise<ClusterStatus> {
  const client = new MasterStatusClient(cluster, paths);
  try {
    const masters = await client.askAll();
    const leader = leaderOf(masters.values());
    const members = cluster.members.map((member) => memberStatus(member, paths, masters.get(member.name), leader));
    const etcd = etcdAccess(cluster, paths);
    return { id: cluster.id, dir: paths.dir, kubeconfig: paths.kubeconfig, ...(etcd && { etcd }), members };
  } finally {
    client.close();
  }
}

function etcdAccess(cluster: Cluster, paths: ClusterPaths): EtcdAccess | undefined {
  const masters = membersOfKind(cluster, 'master').filter((master) => master.ports.etcd !== undefined);
  if (masters.length === 0) return undefined;
  const endpoints = masters.map((master) => `https://${endpoint(master, 'etcd')}`);
  return { endpoints, ...new PkiDirectory(paths.pkiDir).files('etcd-client') };
}

function memberStatus(
  member: Member,
  paths: ClusterPaths,
  master: MasterStatus | undefined,
  leader: MasterStatus | undefined,
): MemberStatus {
  const problem = master?.problem ?? leader?.problems?.[String(member.memberId)];
  const running = runningProcess(paths.runDir, member.name);
  const { name, kind, address, ports } = member;
  const silent = kind === 'master' && master === undefined && running?.state === 'running';
  return {
    name,
    kind,
    state: running ? (silent ? 'unreachable' : running.state) : 'down',
    ...(running && { pid: running.pid }),
    address,
    ports,
    ...(master && {
      leader: master.name === leader?.name,
      role: master.role,
      term: master.term,
      appliedIndex: master.appliedIndex,
      appliedRevision: master.revision,
      ...(master.stateHash !== undefined && { stateHash: master.stateHash }),
    }),
    ...(problem !== undefined && { problem }),
  };
}

export async function status(options: DirOption & { output?: string | undefined }): Promise<void> {
  const { cluster, paths } = openCluster(options);
  const result = await clusterStatus(cluster, paths);
  process.stdout.write(options.output === 'json' ? `${JSON.stringify(result, undefined, 2)}\n` : renderStatus(result));
}

export function renderStatus(result: ClusterStatus): string {
  const rows = result.members.map((member) => [
    member.name,
    member.kind,
    member.state,
    String(member.pid ?? '-'),
    member.address,
    Object.entries(member.ports)
      .map(([name, port]) => `${name}:${port}`)
      .join(' ') || '-',
    member.leader ? 'leader' : (member.role ?? '-'),
    String(member.term ?? '-'),
    String(member.appliedRevision ?? '-'),
  ]);
  const header = ['NAME', 'KIND', 'STATE', 'PID', 'ADDRESS', 'PORTS', 'ROLE', 'TERM', 'REVISION'];
  const problems = result.members.flatMap(({ name, problem }) => (problem ? [`${name}: ${problem}\n`] : []));
  return `${renderTable([header, ...rows])}${problems.join('')}\nkubeconfig: ${result.kubeconfig}\n${result.etcd ? etcdLine(result.etcd) : ''}`;
}

/** As arguments, for `etcdctl` and `benchmark`. */
function etcdLine({ endpoints, caFile, certFile, keyFile }: EtcdAccess): string {
  return `etcd: --endpoints=${endpoints.join(',')} --cacert=${caFile} --cert=${certFile} --key=${keyFile}\n`;
}
