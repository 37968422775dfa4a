/** `trimast net check`: from every worker of this machine's cluster to every other one and its pods, to the DNS and to a Service; a small matrix. */
import { join } from 'node:path';
import type { Pod } from '../../api/generated/types/core-v1.ts';
import type { NetworkView } from '../../network/view.ts';
import { type ApiOptions, withSession } from '../api/api-session.ts';
import { CliError } from '../cli-error.ts';
import { openCluster, requireRights } from '../cluster/open-cluster.ts';
import { type Cluster, type Member, membersOfKind } from '../cluster/topology.ts';
import { namespacePath } from '../host/network.ts';
import { tryRun } from '../host/run.ts';
import type { Probe, ProbeResult } from '../net/probe.ts';
import { readView } from '../net/read-view.ts';
import { renderTable } from '../render-table.ts';

/** Where nobody listens: a refusal says that the packets arrive. */
const closedPort = 1;
const probeScript = join(import.meta.dirname, '../net/probe.ts');

/** @throws CliError exit code 1 when something does not answer */
export async function netCheck(options: ApiOptions): Promise<void> {
  const { cluster } = openCluster(options);
  requireRights(cluster);
  const workers = membersOfKind(cluster, 'agent').filter(({ namespace, hollowNodes }) => namespace && !hollowNodes);
  if (workers.length === 0)
    throw new CliError('the cluster has no workers with a network of their own', { exitCode: 2 });
  await withSession(options, async ({ client }) => {
    const view = await readView(client);
    const columns = workers.flatMap((to) => targets(to, view)).concat(services(view, cluster));
    const rows = await Promise.all(workers.map((from) => probeFrom(from, columns)));
    const header = ['FROM', ...columns.map(({ name }) => name)];
    const cells = rows.map((results, index) => [workers[index]!.name, ...results.map(cell)]);
    process.stdout.write(renderTable([header, ...cells]));
    const failed = rows.flat().filter(({ problem }) => problem !== undefined).length;
    if (failed === 0) return;
    throw new CliError(
      `${failed} of ${rows.flat().length} do not answer; "trimast net explain TARGET --from POD" says where a packet goes`,
    );
  });
}

function targets(worker: Member, view: NetworkView): Probe[] {
  const node: Probe = { name: worker.name, kind: 'tcp', address: worker.address, port: worker.ports.https! };
  const pod = [...view.pods.values()].find((candidate) => isOpen(candidate, worker.name, view));
  if (!pod) return [node];
  const address = pod.status!.podIP!;
  return [node, { name: `pod on ${worker.name}`, kind: 'tcp', address, port: closedPort, mayRefuse: true }];
}

/** Of a namespace without policies, so that silence means a fault. */
function isOpen({ metadata, spec, status }: Pod, node: string, view: NetworkView): boolean {
  const hasPolicies = [...view.policies.values()].some((policy) => policy.metadata?.namespace === metadata?.namespace);
  return (
    spec?.nodeName === node && !spec.hostNetwork && status?.phase === 'Running' && Boolean(status.podIP) && !hasPolicies
  );
}

function services(view: NetworkView, { network }: Cluster): Probe[] {
  const dns = view.services.get('kube-system/kube-dns')?.spec?.clusterIP;
  const kubernetes = view.services.get('default/kubernetes')?.spec?.clusterIP;
  const query = `kubernetes.default.svc.${network.clusterDomain}`;
  return [
    ...(dns === undefined ? [] : [{ name: 'DNS', kind: 'dns' as const, address: dns, port: 53, query }]),
    ...(kubernetes ? [{ name: 'Service kubernetes', kind: 'tcp' as const, address: kubernetes, port: 443 }] : []),
  ];
}

async function probeFrom(worker: Member, probes: readonly Probe[]): Promise<ProbeResult[]> {
  const args = [`--net=${namespacePath(worker.namespace!)}`, process.execPath, probeScript, JSON.stringify(probes)];
  const { exitCode, stdout, stderr } = await tryRun('nsenter', args);
  if (exitCode === 0) return JSON.parse(stdout) as ProbeResult[];
  return probes.map(({ name }) => ({ name, problem: stderr.trim().split('\n').at(-1) ?? 'the probe did not run' }));
}

function cell({ ms, problem }: ProbeResult): string {
  return problem ?? `${ms!.toFixed(1)} ms`;
}
