/** Masters as containers on a network of their own: started through testcontainers, broken through the engine. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { type ContainerRuntimeClient, GenericContainer, getContainerRuntimeClient, Wait } from 'testcontainers';
import type { ChaosTarget, FaultKind, Link, MasterState } from '../../../src/chaos/types.ts';
import { HttpsTransport } from '../../../src/client/https-transport.ts';
import { type ClusterAccess, loadKubeconfig } from '../../../src/client/kubeconfig.ts';
import { masterCommand } from './master-image.ts';

const run = promisify(execFile);
const launcher = resolve(import.meta.dirname, '../../../trimast');
const ports = { api: 6443, grpc: 6444, raft: 6445, etcd: 2379 };
const statusTimeoutMs = 1_500;
const stopSeconds = 10;
const pauseAttempts = 5;
const pauseRetryMs = 200;
/** What can be done to a container as a whole. */
const possible: readonly FaultKind[] = ['kill', 'kill-all', 'restart', 'rolling-restart', 'pause', 'partition'];

interface Master {
  readonly name: string;
  readonly address: string;
  id: string;
}

/** testcontainers has no option for a fixed address. */
class MasterContainer extends GenericContainer {
  constructor(image: string, network: string, address: string) {
    super(image);
    this.withNetworkMode(network);
    this.createOpts = {
      ...this.createOpts,
      NetworkingConfig: { EndpointsConfig: { [network]: { IPAMConfig: { IPv4Address: address } } } },
    };
  }
}

export class ContainerCluster implements ChaosTarget {
  readonly masters: readonly string[];
  readonly access: ClusterAccess;
  readonly #client: ContainerRuntimeClient;
  readonly #network: string;
  readonly #members: ReadonlyMap<string, Master>;
  readonly #transports: ReadonlyMap<string, HttpsTransport>;
  readonly #folder: string;
  readonly #shouldRun = new Set<string>();
  readonly #ends: string[] = [];
  #disconnected: readonly Master[] = [];

  private constructor(client: ContainerRuntimeClient, network: string, members: readonly Master[], folder: string) {
    this.#client = client;
    this.#network = network;
    this.#members = new Map(members.map((member) => [member.name, member]));
    this.#folder = folder;
    this.masters = members.map((member) => member.name);
    this.access = loadKubeconfig(join(folder, 'pki/admin.kubeconfig'));
    this.#transports = new Map(
      members.map((member) => [member.name, new HttpsTransport({ ...this.access, server: serverOf(member) })]),
    );
  }

  static async start(image: string, count: number): Promise<ContainerCluster> {
    const client = await getContainerRuntimeClient();
    const folder = mkdtempSync(join(tmpdir(), 'trimast-containers-'));
    const network = `trimast-${process.pid}`;
    const prefix = await createNetwork(client, network);
    const members = Array.from({ length: count }, (_, i) => ({
      name: `master-${i + 1}`,
      address: `${prefix}.${10 + i}`,
      id: '',
    }));
    await makeCertificates(join(folder, 'pki'), members);
    for (const member of members)
      writeFileSync(join(folder, `${member.name}.json`), JSON.stringify(configOf(member, members)));
    const cluster = new ContainerCluster(client, network, members, folder);
    try {
      await Promise.all(members.map((member) => cluster.#create(image, member)));
    } catch (error) {
      await cluster.destroy();
      throw error;
    }
    return cluster;
  }

  get ways(): { via: string; server: string }[] {
    return [...this.#members.values()].map((member) => ({ via: member.name, server: serverOf(member) }));
  }

  async destroy(): Promise<void> {
    for (const transport of this.#transports.values()) transport.close();
    const { dockerode } = this.#client.container;
    // Also one whose start has failed.
    const found = await dockerode.listContainers({ all: true, filters: { network: [this.#network] } });
    await Promise.all(found.map(({ Id }) => dockerode.getContainer(Id).remove({ force: true, v: true })));
    await dockerode.getNetwork(this.#network).remove();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  unavailable(kind: FaultKind): string | undefined {
    return possible.includes(kind) ? undefined : 'not for containers';
  }

  async state(master: string): Promise<MasterState | undefined> {
    try {
      const request = { method: 'GET', path: '/debug/status', timeoutMs: statusTimeoutMs };
      return JSON.parse((await this.#transports.get(master)!.send(request)).toString('utf8')) as MasterState;
    } catch {
      // Down, paused or off the network: one answer for all.
      return undefined;
    }
  }

  unexpectedEnds(): readonly string[] {
    return this.#ends;
  }

  /** Notes which containers do not run though they should. */
  async inspectAll(): Promise<void> {
    for (const master of this.#shouldRun) {
      const { State } = await this.#container(master).inspect();
      if (!State.Running) this.#ends.push(`${master} ended by itself with code ${State.ExitCode}`);
    }
  }

  async kill(master: string): Promise<void> {
    this.#shouldRun.delete(master);
    await this.#container(master).kill();
  }

  async stop(master: string): Promise<void> {
    this.#shouldRun.delete(master);
    await this.#container(master).stop({ t: stopSeconds });
  }

  async start(master: string): Promise<void> {
    if ((await this.#container(master).inspect()).State.Running) return;
    await this.#container(master).start();
    this.#shouldRun.add(master);
  }

  /** The kernel does not freeze a busy container at once; the engine gives up early. */
  async pause(master: string): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#container(master).pause();
        return;
      } catch (error) {
        if (attempt >= pauseAttempts) throw error;
        await new Promise((resolve) => setTimeout(resolve, pauseRetryMs));
      }
    }
  }

  async resume(master: string): Promise<void> {
    if ((await this.#container(master).inspect()).State.Paused) await this.#container(master).unpause();
  }

  /** A container can only be taken off its network as a whole: that happens to whoever has most of the links. */
  async block(links: readonly Link[]): Promise<void> {
    const network = this.#client.container.dockerode.getNetwork(this.#network);
    for (const { id, address } of this.#disconnected)
      await network.connect({ Container: id, EndpointConfig: { IPAMConfig: { IPv4Address: address } } });
    this.#disconnected = [];
    const count = (master: Master) => links.filter(({ from, to }) => from === master.name || to === master.name).length;
    const most = Math.max(0, ...[...this.#members.values()].map(count));
    if (most === 0) return;
    const cut = [...this.#members.values()].filter((master) => count(master) === most);
    for (const master of cut) {
      await network.disconnect({ Container: master.id, Force: true });
      this.#disconnected = [...this.#disconnected, master];
    }
  }

  async shape(): Promise<void> {
    await Promise.resolve();
  }

  async disk(): Promise<void> {
    await Promise.resolve();
  }

  async clock(): Promise<void> {
    await Promise.resolve();
  }

  #container(master: string) {
    return this.#client.container.getById(this.#members.get(master)!.id);
  }

  async #create(image: string, member: Master): Promise<void> {
    const started = await new MasterContainer(image, this.#network, member.address)
      .withCommand([...masterCommand, '--config', `/cluster/${member.name}.json`])
      // A container that starts again finds its code compiled.
      .withEnvironment({ NODE_COMPILE_CACHE: '/var/cache/node' })
      .withBindMounts([{ source: this.#folder, target: '/cluster', mode: 'ro' }])
      .withWaitStrategy(Wait.forLogMessage('master started'))
      .withStartupTimeout(120_000)
      .start();
    member.id = started.getId();
    this.#shouldRun.add(member.name);
  }
}

const serverOf = ({ address }: Master) => `https://${address}:${ports.api}`;

/** The engine finds a range that is free; made again with it by name, addresses in it may be chosen. Returns the first three numbers. */
async function createNetwork(client: ContainerRuntimeClient, name: string): Promise<string> {
  const draft = await client.network.create({ Name: `${name}-draft` });
  const { IPAM } = await draft.inspect();
  await draft.remove();
  const subnet = IPAM?.Config?.[0]?.Subnet;
  if (!subnet) throw new Error('the engine gave the network no range of addresses');
  await client.network.create({ Name: name, IPAM: { Driver: 'default', Config: [{ Subnet: subnet }] } });
  return subnet.split('.').slice(0, 3).join('.');
}

async function makeCertificates(pki: string, members: readonly Master[]): Promise<void> {
  const trimast = (...args: string[]) => run(launcher, ['pki', ...args, '--pki', pki]);
  await trimast('init');
  for (const { name, address } of members) await trimast('issue-master', name, '--address', address);
  await trimast('issue-user', 'admin', '--group', 'system:masters', '--server', serverOf(members[0]!));
}

function configOf(self: Master, members: readonly Master[]): object {
  const at = (address: string, port: keyof typeof ports) => `${address}:${ports[port]}`;
  const pki = (file: string) => `/cluster/pki/${file}`;
  return {
    name: self.name,
    clusterId: 'containers',
    memberId: members.indexOf(self) + 1,
    dataDir: '/var/lib/trimast',
    members: members.map(({ name, address }, index) => ({
      id: index + 1,
      name,
      apiAddress: at(address, 'api'),
      grpcAddress: at(address, 'grpc'),
      raftAddress: at(address, 'raft'),
      etcdAddress: at(address, 'etcd'),
    })),
    tls: { caFile: pki('ca.crt'), certFile: pki(`${self.name}.crt`), keyFile: pki(`${self.name}.key`) },
    serviceAccountKeyFile: pki('service-account.key'),
    network: {
      podCidr: '10.128.0.0/16',
      nodeCidrMaskSize: 24,
      serviceCidr: '10.96.0.0/16',
      clusterDomain: 'cluster.local',
    },
  };
}
