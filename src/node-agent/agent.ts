/** `trimast agent`: puts the parts of a node together by its configuration. */
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from '../lib/clock.ts';
import { clientCredentials } from '../lib/grpc.ts';
import type { Logger } from '../lib/logger.ts';
import { policyPod } from '../network/policies/index.ts';
import { createCgroups } from './cgroups/cgroups.ts';
import type { AgentConfig } from './config.ts';
import { type Networking, startNetworking } from './network/networking.ts';
import { hollowMachine, MAX_PODS, readMachine } from './node/machine.ts';
import { dataPaths, type NodeAgent, type NodeAgentOptions, startNodeAgent } from './node-agent.ts';
import { parseResolvConf } from './pod/sandbox-spec.ts';
import { createCriRuntime } from './runtime/cri/cri-runtime.ts';
import { Delays } from './runtime/hollow/delays.ts';
import { createHollowRuntime } from './runtime/hollow/hollow-runtime.ts';
import { type StreamingServer, startStreamingServer } from './streaming/index.ts';
import { createNoStorage } from './volumes/no-storage.ts';
import { createDiskStorage } from './volumes/pod-storage.ts';

/** Of one pod: enough for every honest one, and few beside what the kernel has. */
const DEFAULT_POD_PIDS = 4096;

export interface Agent {
  /** Ends the agent. Pods go on running; the next agent adopts them. */
  stop(): Promise<void>;
}

/** Resolves once the node runs; masters need not be there. @throws Error when a file or port of the configuration cannot be used. */
export async function startAgent(config: AgentConfig, logger: Logger): Promise<Agent> {
  await mkdir(config.dataDir, { recursive: true });
  return config.runtime.kind === 'containerd' ? startReal(config, logger) : startHollow(config, logger);
}

async function startReal(config: AgentConfig, logger: Logger): Promise<Agent> {
  if (config.runtime.kind !== 'containerd') throw new Error('not a node with containerd');
  const { socket, cniConfDir, podLogsDir, cgroupParent, podPidsLimit = DEFAULT_POD_PIDS } = config.runtime;
  const { dataDir, nodeName, clusterDomain } = config;
  const paths = dataPaths(dataDir);
  const clock = systemClock;
  const credentials = clientCredentials(config.tls);
  const hostDns = parseResolvConf(await readFile('/etc/resolv.conf', 'utf8').catch(() => ''));
  let node: NodeAgent | undefined;
  const networking = await startNetworking({
    nodeName,
    masters: config.masters,
    credentials,
    networkFile: paths.network,
    dataDir,
    clusterDns: config.clusterDns ?? [],
    clusterDomain,
    nameservers: hostDns.servers,
    dns: config.dns,
    cniConfDir,
    ipamDir: paths.ipam,
    overlay: config.overlay ?? 'auto',
    onEvent: (type, reason, message) => node?.recordEvent(type, reason, message),
    clock,
    logger,
  });
  const machine = await readMachine(dataDir);
  const nodeCpuMilli = machine.cpus * 1000;
  const started = await startNodeAgent({
    identity: {
      name: nodeName,
      address: config.address,
      moreAddresses: config.moreAddresses,
      port: config.port,
      labels: config.labels ?? {},
      machine,
    },
    masters: config.masters,
    credentials,
    runtime: createCriRuntime(socket, logger),
    storage: createDiskStorage({ root: paths.pods, logsRoot: podLogsDir, clusterDomain }),
    wantedFile: paths.wanted,
    policies: policiesOf(networking, nodeName),
    facts: {
      seccompDir: join(dataDir, 'seccomp'),
      clusterDns: config.clusterDns ?? [],
      clusterDomain,
      hostDns,
    },
    dataDir,
    configuration: kubeletConfiguration(config, podPidsLimit),
    cgroups: await createCgroups({ parent: cgroupParent, podPidsLimit, nodeCpuMilli }),
    services: () => (networking.view.complete ? networking.view.services.values() : undefined),
    allowedUnsafeSysctls: config.allowedUnsafeSysctls ?? [],
    housekeeping: config.housekeeping ?? {},
    clock,
    logger,
  });
  node = started;
  const server = await startStreamingServer({
    address: config.address,
    port: config.port,
    tls: config.tls,
    pods: started.lookup,
    nodePages: started.pages,
    containerd: { socket },
    logger,
  }).catch(async (error) => {
    await Promise.all([started.stop(), networking.stop()]);
    throw error;
  });
  logger.info({ node: nodeName, address: config.address, port: config.port }, 'agent runs');
  return {
    async stop() {
      await server.close();
      await started.stop();
      // Last: names are answered as long as possible.
      await networking.stop();
    },
  };
}

/** What there is of it under the names of kubelet's configuration. */
function kubeletConfiguration(config: AgentConfig, podPidsLimit: number): object {
  return {
    kind: 'KubeletConfiguration',
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    address: config.address,
    port: config.port,
    clusterDNS: config.clusterDns ?? [],
    clusterDomain: config.clusterDomain,
    maxPods: MAX_PODS,
    podPidsLimit,
    cgroupDriver: 'cgroupfs',
    allowedUnsafeSysctls: config.allowedUnsafeSysctls ?? [],
  };
}

function policiesOf({ policies }: Networking, nodeName: string): NonNullable<NodeAgentOptions['policies']> {
  return {
    protect: async (pod, ips) => {
      if (pod.spec.hostNetwork) return;
      const status = { ...pod.status, podIPs: ips.map((ip) => ({ ip })) };
      await policies.protect({ ...policyPod({ ...pod, status }), node: nodeName });
    },
    release: (podUid) => policies.release(podUid),
  };
}

/** Many nodes in one process share one streaming port, which only the first of them answers for: there is nothing to stream anyway. */
async function startHollow(config: AgentConfig, logger: Logger): Promise<Agent> {
  if (config.runtime.kind !== 'hollow') throw new Error('not a hollow node');
  const { nodes: count, certDir } = config.runtime;
  const clock = systemClock;
  const delays = new Delays(clock);
  const nodes: NodeAgent[] = [];
  for (let number = 1; number <= count; number++) {
    const name = count === 1 ? config.nodeName : `${config.nodeName}-${number}`;
    const runtime = createHollowRuntime(clock, delays);
    const tls =
      count === 1 || certDir === undefined
        ? config.tls
        : { ...config.tls, certFile: join(certDir, `${name}.crt`), keyFile: join(certDir, `${name}.key`) };
    nodes.push(
      await startNodeAgent({
        identity: {
          name,
          address: config.address,
          port: config.port,
          labels: config.labels ?? {},
          machine: hollowMachine(name),
        },
        masters: config.masters,
        credentials: clientCredentials(tls),
        runtime,
        storage: createNoStorage(),
        onPodCidr: (podCidr) => runtime.setPodCidr(podCidr),
        facts: {
          seccompDir: '',
          clusterDns: [],
          clusterDomain: config.clusterDomain,
          hostDns: { servers: [], searches: [], options: [] },
        },
        clock,
        logger: logger.child({ node: name }),
      }),
    );
  }
  const { address, port, tls } = config;
  const first = nodes[0];
  const server =
    first && (await startStreamingServer({ address, port, tls, pods: first.lookup, containerd: undefined, logger }));
  logger.info({ nodes: nodes.length }, 'hollow nodes run');
  return together(nodes, server);
}

function together(nodes: readonly Pick<NodeAgent, 'stop'>[], server: StreamingServer | undefined): Agent {
  return {
    async stop() {
      await server?.close();
      await Promise.all(nodes.map((node) => node.stop()));
    },
  };
}
