/**
 * Composition of a master: the only place that knows all of its parts. From the bottom up: store and Raft, the generic API path over the store,
 * the listeners over the API, and the loops that run while this replica leads.
 */
import { randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import * as grpc from '@grpc/grpc-js';
import type { Node } from '../api/generated/types/core-v1.ts';
import { resources } from '../api/types.ts';
import { readServiceAccountKeys } from '../apiserver/authentication/service-account-keys.ts';
import { ServiceAccountTokens } from '../apiserver/authentication/service-account-tokens.ts';
import { ensureBootstrapObjects } from '../apiserver/bootstrap.ts';
import { createApiServer } from '../apiserver/http/server.ts';
import { createLocalClient } from '../apiserver/local-client.ts';
import { ResourceApi } from '../apiserver/resource-api.ts';
import { createStreamingProxy } from '../apiserver/streaming/index.ts';
import { identities, type UserInfo } from '../apiserver/types.ts';
import { openTarget } from '../backup/index.ts';
import { InformerSet } from '../client/informer-set.ts';
import type { LeaderContext } from '../client/types.ts';
import { startControllers } from '../controllers/index.ts';
import { createDispatcher, createLastSeenPeer } from '../dispatcher/index.ts';
import { ClusterService } from '../gen/trimast/cluster/v1/cluster_pb.ts';
import { DispatcherService } from '../gen/trimast/dispatcher/v1/dispatcher_pb.ts';
import { ResourceService } from '../gen/trimast/resource/v1/resource_pb.ts';
import { createEtcdServer } from '../grpc-api/etcd/index.ts';
import { addHealthService, addReflectionService, addResourceService } from '../grpc-api/index.ts';
import { systemClock } from '../lib/clock.ts';
import { clientCredentials, serverCredentials } from '../lib/grpc.ts';
import type { Logger } from '../lib/logger.ts';
import { startRaftNode } from '../raft/index.ts';
import { readIdentity } from '../raft/offline.ts';
import { startScheduler } from '../scheduler/scheduler.ts';
import { createStore } from '../store/index.ts';
import { startBackupLoop } from './backup-loop.ts';
import { explainMismatch, raftClusterId } from './cluster/cluster-identity.ts';
import { addClusterService } from './cluster/cluster-service.ts';
import type { SnapshotSource } from './cluster/snapshot-source.ts';
import { startCompaction } from './compaction.ts';
import type { MasterConfig } from './config.ts';
import { ensureKubernetesService } from './kubernetes-service.ts';
import { type LeaderLoop, runLeaderLoops } from './leader-loops.ts';
import { ConfigError, splitAddress } from './load-config.ts';
import { masterStatus } from './status.ts';

const grpcDrainMs = 1_000;
/** At a shutdown of the whole cluster nobody may be left to take over. */
const handOverTimeoutMs = 1_000;

export interface Master {
  /** Gives leadership away if it has it, lets running requests end, closes the log. */
  stop(): Promise<void>;
}

export async function startMaster(config: MasterConfig, logger: Logger): Promise<Master> {
  const self = config.members.find((member) => member.id === config.memberId)!;
  const tls = config.tls;

  await refuseForeignData(config);
  const { store, stateMachine, attach, startLeaseKeeper } = createStore();
  const raft = await startRaftNode(
    {
      clusterId: raftClusterId(config),
      memberId: config.memberId,
      members: config.members.map(({ id, name, raftAddress }) => ({ id, name, address: raftAddress })),
      dataDir: config.dataDir,
      listen: splitAddress(self.raftAddress),
      tls: { ...tls, peerOrganization: identities.peersOrganization },
    },
    stateMachine,
    logger.child({ part: 'raft' }),
  );
  attach(raft);

  const tokens = new ServiceAccountTokens({
    keys: readServiceAccountKeys(config.serviceAccountKeyFile),
    issuer: `https://kubernetes.default.svc.${config.network.clusterDomain}`,
    store,
    clock: systemClock,
  });
  const api = new ResourceApi({ store, tokens });
  const clientFor = (user: UserInfo, fenceTerm?: number) => createLocalClient(api, { user, fenceTerm });
  const systemClient = clientFor(systemUser('system:trimast'));

  let stopping = false;
  const apiServer = createApiServer({
    api,
    tls,
    listen: splitAddress(self.apiAddress),
    streaming: createStreamingProxy({
      findNode: (name) => systemClient.get<Node>(resources.nodes, { name }, { resourceVersion: '0' }),
      tls,
    }),
    readiness: {
      raft: () => (raft.leadership().leaderId === undefined ? 'no leader is known' : undefined),
      shutdown: () => (stopping ? 'this master is shutting down' : undefined),
    },
    debugStatus: () => masterStatus(self.name, raft, store),
    logger: logger.child({ part: 'api' }),
  });

  const dispatcher = createDispatcher({
    masterName: self.name,
    systemClient,
    clientFor,
    peers: config.members
      .filter((member) => member !== self)
      .map((member) => createLastSeenPeer(member.name, member.grpcAddress, clientCredentials(tls))),
    logger: logger.child({ part: 'dispatcher' }),
  });
  const grpcServer = new grpc.Server({
    'grpc.max_receive_message_length': 8 * 1024 * 1024,
    'grpc.max_send_message_length': 8 * 1024 * 1024,
  });
  dispatcher.addTo(grpcServer);
  addResourceService(grpcServer, clientFor, logger.child({ part: 'grpc' }));
  const snapshotSource: SnapshotSource = { store, takeSnapshot: () => stateMachine.snapshot(), identity: config };
  addClusterService(grpcServer, { snapshotSource, logger: logger.child({ part: 'cluster' }) });
  addReflectionService(grpcServer, [ResourceService, DispatcherService, ClusterService]);
  const health = addHealthService(
    grpcServer,
    [ResourceService.typeName, DispatcherService.typeName],
    () => !stopping && raft.leadership().leaderId !== undefined,
  );

  const etcd = createEtcdServer({
    clusterId: config.clusterId,
    memberId: config.memberId,
    store,
    raft,
    directory: {
      etcdAddress: ({ id }) => config.members.find((member) => member.id === id)?.etcdAddress,
      newMemberId: () => randomInt(2 ** 32, 2 ** 40),
    },
    tls,
    logger: logger.child({ part: 'etcd' }),
  });
  const listenEtcd = async () => {
    if (self.etcdAddress === undefined) return;
    const { host, port } = splitAddress(self.etcdAddress);
    await etcd.listen(host, port);
  };

  await apiServer.listen();
  await listenEtcd();
  await listenGrpc(grpcServer, self.grpcAddress, serverCredentials(tls));

  const informers = new WeakMap<LeaderContext, InformerSet>();
  /** One set per stretch of leadership, shared by its loops. */
  const informersOf = (context: LeaderContext): InformerSet => {
    const set = informers.get(context) ?? new InformerSet({ client: context.client, signal: context.signal, logger });
    informers.set(context, set);
    return set;
  };
  const loops: LeaderLoop[] = [
    {
      name: 'bootstrap',
      async start({ client }) {
        await ensureBootstrapObjects(client);
        await ensureKubernetesService(client, config);
      },
    },
    {
      name: 'scheduler',
      start: (context) =>
        startScheduler(context, { informers: informersOf(context) }, logger.child({ part: 'scheduler' })),
    },
    {
      name: 'controllers',
      start: (context) =>
        startControllers(
          context,
          {
            caPem: readFileSync(tls.caFile, 'utf8'),
            network: config.network,
            informers: informersOf(context),
            nodeLifecycle: { lastSeen: (nodes) => dispatcher.lastSeen(nodes), ...config.nodeLifecycle },
          },
          logger.child({ part: 'controllers' }),
        ),
    },
    { name: 'compaction', start: (context) => startCompaction(context, store, systemClock, logger) },
    {
      name: 'leases',
      start: ({ term, signal }) =>
        startLeaseKeeper({
          term,
          signal,
          onError: (error) => logger.warn({ error: String(error) }, 'leases could not be ended; next try in a moment'),
        }),
    },
  ];
  if (config.backup) {
    const { to, s3, ...backup } = config.backup;
    const options = { ...backup, target: openTarget(to, s3), source: snapshotSource, clock: systemClock };
    const backupLogger = logger.child({ part: 'backup' });
    loops.push({
      name: 'backup',
      start: (context) => void startBackupLoop(context, { ...options, logger: backupLogger }),
    });
  }
  const leading = runLeaderLoops(raft, (term) => clientFor(systemUser('system:trimast-leader'), term), loops, logger);
  logger.info({ api: self.apiAddress, grpc: self.grpcAddress, raft: self.raftAddress }, 'master started');

  return {
    async stop() {
      stopping = true;
      health.stop();
      leading.stop();
      if (raft.leadership().isLeader && config.members.length > 1) {
        await raft
          .transferLeadership(undefined, { timeoutMs: handOverTimeoutMs })
          .catch((error: unknown) => logger.warn({ error: String(error) }, 'leadership was not taken over'));
      }
      dispatcher.close();
      await Promise.all([apiServer.close(), closeGrpc(grpcServer), etcd.stop()]);
      await raft.stop();
    },
  };
}

/** Consensus would refuse it too, but does not know of epochs. @throws ConfigError */
async function refuseForeignData(config: MasterConfig): Promise<void> {
  const found = await readIdentity(config.dataDir);
  const problem = found && explainMismatch(config.dataDir, found.clusterId, config);
  if (problem) throw new ConfigError(problem);
}

/** What acts inside a master: trusted like the admin, by a name of its own. */
function systemUser(name: string): UserInfo {
  return { name, groups: [identities.mastersGroup, identities.authenticatedGroup] };
}

async function listenGrpc(server: grpc.Server, address: string, credentials: grpc.ServerCredentials): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.bindAsync(address, credentials, (error) => (error ? reject(error) : resolve()));
  });
}

/** Streams that a client keeps open do not hold the shutdown up. */
async function closeGrpc(server: grpc.Server): Promise<void> {
  const forced = setTimeout(() => server.forceShutdown(), grpcDrainMs);
  await new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
  clearTimeout(forced);
}
