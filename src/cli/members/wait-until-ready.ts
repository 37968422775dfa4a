/** Waits until a cluster works: its processes run, a master leads, every node is Ready. Whoever dies meanwhile is named. */
import { HttpsTransport } from '../../client/https-transport.ts';
import { loadKubeconfig } from '../../client/kubeconfig.ts';
import { type CliError, describeError } from '../cli-error.ts';
import type { ClusterPaths } from '../cluster/paths.ts';
import { type Cluster, membersOfKind, nodeNames } from '../cluster/topology.ts';
import { isAlive } from '../host/processes.ts';
import { acceptsConnections } from '../host/unix-socket.ts';
import type { EnsuredMember } from './ensure-member.ts';
import { leaderOf, type MasterStatus, MasterStatusClient } from './master-status.ts';
import { memberFailure } from './member-failure.ts';

const pollMs = 30;
const timeoutMs = 60_000;

/** Asks `probe` until it gives something. @throws CliError naming a member that died, or `onTimeout`'s error. */
async function poll<T>(
  members: readonly EnsuredMember[],
  paths: ClusterPaths,
  probe: () => Promise<T | undefined>,
  onTimeout: () => CliError,
): Promise<T> {
  const deadlineMs = performance.now() + timeoutMs;
  for (;;) {
    for (const { member, identity } of members) {
      if (!isAlive(identity)) throw memberFailure(paths, member.name, 'its process has ended');
    }
    const result = await probe();
    if (result !== undefined) return result;
    if (performance.now() > deadlineMs) throw onTimeout();
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}

export async function waitForSocket(member: EnsuredMember, socket: string, paths: ClusterPaths): Promise<void> {
  await poll(
    [member],
    paths,
    async () => ((await acceptsConnections(socket)) ? true : undefined),
    () => memberFailure(paths, member.member.name, `it has not opened ${socket} within ${timeoutMs} ms`),
  );
}

/** The leader, once every master answers and one of them leads. */
export async function waitForMasters(
  cluster: Cluster,
  paths: ClusterPaths,
  members: readonly EnsuredMember[],
): Promise<MasterStatus> {
  const client = new MasterStatusClient(cluster, paths);
  const masters = membersOfKind(cluster, 'master').map((master) => master.name);
  let answered: string[] = [];
  let leader: MasterStatus | undefined;
  try {
    return await poll(
      members,
      paths,
      async () => {
        const statuses = await client.askAll();
        answered = [...statuses.keys()];
        leader = leaderOf(statuses.values());
        return statuses.size === masters.length ? leader : undefined;
      },
      () => {
        const silent = masters.find((name) => !answered.includes(name));
        const cause = silent
          ? `it does not answer after ${timeoutMs} ms; ${leader ? `${leader.name} leads` : 'no master leads'}`
          : `no master leads after ${timeoutMs} ms, though all of them answer`;
        return memberFailure(paths, silent ?? masters[0]!, cause);
      },
    );
  } finally {
    client.close();
  }
}

interface NodeList {
  readonly items?: readonly {
    readonly metadata: { readonly name: string };
    readonly status?: {
      readonly conditions?: readonly { readonly type: string; readonly status: string; readonly message?: string }[];
    };
  }[];
}

/** Asks through the load balancer, as users will. Returns how many nodes there are. */
export async function waitForNodes(
  cluster: Cluster,
  paths: ClusterPaths,
  members: readonly EnsuredMember[],
): Promise<number> {
  const agents = membersOfKind(cluster, 'agent');
  const expected = agents.flatMap(nodeNames);
  const transport = new HttpsTransport(loadKubeconfig(paths.kubeconfig));
  let waiting = new Map(expected.map((name) => [name, 'it has not registered']));
  try {
    return await poll(
      members,
      paths,
      async () => {
        try {
          const body = await transport.send({ method: 'GET', path: '/api/v1/nodes', timeoutMs: 5_000 });
          waiting = notReady(expected, JSON.parse(body.toString('utf8')) as NodeList);
        } catch (error) {
          waiting = new Map(expected.map((name) => [name, `the API does not answer: ${describeError(error)}`]));
        }
        return waiting.size === 0 ? expected.length : undefined;
      },
      () => {
        const [node, reason] = [...waiting][0]!;
        const agent = agents.find((candidate) => nodeNames(candidate).includes(node))!;
        const cause = `node ${node} is not Ready after ${timeoutMs} ms (${reason}); ${waiting.size} of ${expected.length} are not`;
        return memberFailure(paths, agent.name, cause);
      },
    );
  } finally {
    transport.close();
  }
}

function notReady(expected: readonly string[], list: NodeList): Map<string, string> {
  const waiting = new Map(expected.map((name) => [name, 'it has not registered']));
  for (const { metadata, status } of list.items ?? []) {
    const ready = status?.conditions?.find((condition) => condition.type === 'Ready');
    if (ready?.status === 'True') waiting.delete(metadata.name);
    else if (waiting.has(metadata.name)) waiting.set(metadata.name, ready?.message || 'it reports no condition Ready');
  }
  return waiting;
}
