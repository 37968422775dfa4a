/**
 * Composition of a master: the only place that knows all of its parts. From the bottom up: store and Raft, the generic API path over the store,
 * the listeners over the API, and the loops that run while this replica leads.
 */
import { randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as grpc from '@grpc/grpc-js';
import type { Node } from '../api/generated/types/core-v1.ts';
import { resources, type TypedObject } from '../api/types.ts';
import { Aggregator } from '../apiserver/aggregation/aggregator.ts';
import { startAvailability } from '../apiserver/aggregation/availability.ts';
import { startLocalServices } from '../apiserver/aggregation/local-services.ts';
import { RemoteServices } from '../apiserver/aggregation/remote-services.ts';
import { repairServiceAllocations } from '../apiserver/allocation/repair.ts';
import { createAuditor } from '../apiserver/audit/index.ts';
import { keepAuthenticationInfo } from '../apiserver/authentication/authentication-info.ts';
import { readServiceAccountKeys } from '../apiserver/authentication/service-account-keys.ts';
import { ServiceAccountTokens } from '../apiserver/authentication/service-account-tokens.ts';
import { rbacResources } from '../apiserver/authorization/rbac/policy.ts';
import { ensureBootstrapObjects } from '../apiserver/bootstrap.ts';
import { Fairness } from '../apiserver/fairness/index.ts';
import { startKeepingConfig } from '../apiserver/fairness/keep-config.ts';
import { kubernetesVersion } from '../apiserver/http/discovery-routes.ts';
import { createApiServer } from '../apiserver/http/server.ts';
import { objectKey } from '../apiserver/keys.ts';
import { createLocalClient } from '../apiserver/local-client.ts';
import { MetricsSource } from '../apiserver/metrics-api/metrics-source.ts';
import { type ConnectService, createResourceProxy, podDialer, serviceConnector } from '../apiserver/proxy/index.ts';
import { ResourceApi } from '../apiserver/resource-api.ts';
import { AgentClient, createStreamingProxy } from '../apiserver/streaming/index.ts';
import { Tracer } from '../apiserver/tracing/index.ts';
import { identities, type UserInfo } from '../apiserver/types.ts';
import { openTarget } from '../backup/index.ts';
import { EventRecorder } from '../client/events.ts';
import { InformerSet } from '../client/informer-set.ts';
import type { LeaderContext } from '../client/types.ts';
import { startBareMetalCloud } from '../cloud/index.ts';
import { keptParts, startControllers } from '../controllers/index.ts';
import { createDispatcher } from '../dispatcher/index.ts';
import { ClusterService } from '../gen/trimast/cluster/v1/cluster_pb.ts';
import { DispatcherService } from '../gen/trimast/dispatcher/v1/dispatcher_pb.ts';
import { NetworkService } from '../gen/trimast/network/v1/network_pb.ts';
import { ResourceService } from '../gen/trimast/resource/v1/resource_pb.ts';
import { createEtcdServer } from '../grpc-api/etcd/index.ts';
import { addHealthService, addReflectionService, addResourceService } from '../grpc-api/index.ts';
import { systemClock } from '../lib/clock.ts';
import { checkDialledIdentity } from '../lib/grpc.ts';
import type { Logger } from '../lib/logger.ts';
import { metrics } from '../lib/metrics/registry.ts';
import {
  ReloadingCertificates,
  reloadingClientCredentials,
  reloadingServerCredentials,
} from '../lib/reloading-certificates.ts';
import { frontProxyName } from '../pki/identities.ts';
import { startRaftNode } from '../raft/index.ts';
import { findStorageError } from '../raft/log-storage.ts';
import type { RaftNode } from '../raft/types.ts';
import { startScheduler } from '../scheduler/scheduler.ts';
import { createStore } from '../store/index.ts';
import { startBackupLoop } from './backup-loop.ts';
import { createCertificateSigner } from './certificate-signer.ts';
import { keepAnnouncing } from './cluster/announce.ts';
import { explainMismatch, raftClusterId } from './cluster/cluster-identity.ts';
import { addClusterService } from './cluster/cluster-service.ts';
import { loadIdentityKey } from './cluster/identity-key.ts';
import { LastSeenPeers } from './cluster/last-seen-peers.ts';
import { createMemberDirectory } from './cluster/member-directory.ts';
import { MemberRegistry } from './cluster/member-registry.ts';
import { createMembership } from './cluster/membership.ts';
import { PeerClients } from './cluster/peer-clients.ts';
import type { SnapshotSource } from './cluster/snapshot-source.ts';
import { startCompaction } from './compaction.ts';
import type { MasterConfig } from './config.ts';
import { ensureDnsService } from './dns-service.ts';
import { keepKubernetesService } from './kubernetes-service.ts';
import { type LeaderLoop, runLeaderLoops } from './leader-loops.ts';
import { ConfigError, splitAddress } from './load-config.ts';
import { addMasterMetrics } from './master-metrics.ts';
import { outsideAuthorities } from './outside-authorities.ts';
import { issuePodToken } from './pod-token.ts';
import { startHashMarks, startHashWatch } from './repair/hash-watch.ts';
import { isCorrupt } from './repair/is-corrupt.ts';
import { ensureServiceCidr, serviceFamilies } from './service-ranges.ts';
import { masterStatus } from './status.ts';

const grpcDrainMs = 1_000;
const catchUpTimeoutMs = 5_000;
const catchUpPauseMs = 100;
/** At a shutdown of the whole cluster nobody may be left to take over. */
const handOverTimeoutMs = 1_000;
/** Load balancers see within this time that this master is not ready any more; until then it serves. */
const drainNoticeMs = 500;

export interface Master {
  /** Gives leadership away if it has it, lets running requests end, closes the log. */
  stop(): Promise<void>;
}

export interface StartOptions {
  /** It comes to a cluster that exists, empty, and serves nobody before it has caught up. */
  readonly join: boolean;
  /** Ends the waiting for that. */
  readonly signal: AbortSignal;
  /** Right before the listeners open. */
  beforeServing(): Promise<void>;
  /** Its data must not be used any more. Called at most once. */
  onBroken(reason: string): void;
  /** It is no member of the cluster any more and has stopped. */
  onRemoved(): Promise<void>;
}

/** Undefined: the signal aborted before it had caught up. */
export async function startMaster(
  config: MasterConfig,
  logger: Logger,
  options: StartOptions,
): Promise<Master | undefined> {
  const self = config.members.find((member) => member.id === config.memberId)!;
  const tls = config.tls;

  const { store, stateMachine, attach, startLeaseKeeper } = createStore();
  const raft = await startRaftNode(
    {
      clusterId: raftClusterId(config),
      memberId: config.memberId,
      members: config.members.map(({ id, name, raftAddress }) => ({ id, name, address: raftAddress })),
      dataDir: config.dataDir,
      listen: splitAddress(self.raftAddress),
      tls: { ...tls, peerOrganization: identities.peersOrganization },
      join: options.join,
      ...(config.scrubPauseMs !== undefined && { scrubPauseMs: config.scrubPauseMs }),
      onFatal: (error) => {
        if (isCorrupt(error)) options.onBroken(error.message);
        logger.fatal({ err: error }, 'consensus cannot go on; the process ends');
        process.exit(1);
      },
    },
    stateMachine,
    logger.child({ part: 'raft' }),
  ).catch((error: unknown) => {
    throw explainForeignData(config, error) ?? error;
  });
  attach(raft);
  if (options.join && !(await catchUp(raft, options.signal))) {
    await raft.stop();
    return undefined;
  }
  await options.beforeServing();

  const ending = new AbortController();
  const certificates = new ReloadingCertificates(tls, (problem) => logger.error({ problem }, 'certificates'));
  const peerCredentials = reloadingClientCredentials(certificates, checkDialledIdentity);
  const peerClients = new PeerClients(peerCredentials);
  const registry = new MemberRegistry(store);
  const clusterLogger = logger.child({ part: 'cluster' });
  const directory = createMemberDirectory(config, raft, registry, clusterLogger, ending.signal);
  const membership = createMembership(raft, registry, clusterLogger, (name, reason) =>
    masterEvents.record(
      masterObject(name),
      'Warning',
      'Rebuilding',
      `${name} gave up its data and is rebuilt: ${reason}`,
    ),
  );
  const hashWatch = startHashWatch({
    memberId: config.memberId,
    store,
    directory,
    clients: peerClients,
    logger: clusterLogger,
    signal: ending.signal,
    verifyIntervalMs: config.scrubPauseMs,
    onDiffers: (reason) => options.onBroken(reason),
  });

  const tokens = new ServiceAccountTokens({
    keys: readServiceAccountKeys(config.serviceAccountKeyFile),
    issuer: `https://kubernetes.default.svc.${config.network.clusterDomain}`,
    store,
    clock: systemClock,
  });
  const findNode = (name: string) => systemClient.get<Node>(resources.nodes, { name }, { resourceVersion: '0' });
  const agents = new AgentClient(tls);
  const dial = podDialer(agents, findNode);
  const connectService: ConnectService = (service, signal) =>
    serviceConnector({ client: systemClient, dial, random: Math.random })(service, signal);
  const api = new ResourceApi({
    store,
    tokens,
    ...outsideAuthorities(config.apiServer ?? {}, tokens.issuer, logger.child({ part: 'auth' })),
    connectService,
    serviceFamilies: serviceFamilies(config.network.serviceCidr),
  });
  const clientFor = (user: UserInfo, fenceTerm?: number) => createLocalClient(api, { user, fenceTerm });
  const systemClient = clientFor(systemUser('system:trimast'));
  const masterEvents = new EventRecorder({ client: systemClient, component: 'trimast-master', logger: clusterLogger });

  const { audit, tracing } = config.apiServer ?? {};
  const tracer = tracing && new Tracer(tracing, self.name, systemClock, logger.child({ part: 'tracing' }));
  const auditor = audit && createAuditor(audit, systemClock, logger.child({ part: 'audit' }));
  const fairness = new Fairness({ store, clock: systemClock });
  const { frontProxy } = config;
  const aggregator = frontProxy && new Aggregator({ services: new RemoteServices(store), connectService, frontProxy });
  addMasterMetrics(metrics, { raft, store, registry: api.registry, version: kubernetesVersion });
  let stopping = false;
  const apiServer = createApiServer({
    api,
    tls,
    listen: splitAddress(self.apiAddress),
    streaming: createStreamingProxy({ findNode, agents }),
    aggregator,
    auditor,
    tracer,
    fairness,
    metrics: new MetricsSource({ client: systemClient, agents, clock: systemClock }),
    proxy: createResourceProxy({
      client: systemClient,
      agents,
      dial,
      random: Math.random,
    }),
    readiness: {
      'poststarthook/bootstrap-controller': () =>
        store.get(objectKey(resources.namespaces, undefined, 'kube-system'))
          ? undefined
          : 'there is no kube-system yet',
      'poststarthook/rbac/bootstrap-roles': () =>
        store.get(objectKey(rbacResources.clusterRoles, undefined, 'cluster-admin'))
          ? undefined
          : 'the default roles are not there yet',
      raft: () => (raft.leadership().leaderId === undefined ? 'no leader is known' : undefined),
      shutdown: () => (stopping ? 'this master is shutting down' : undefined),
    },
    debugStatus: () => masterStatus(self.name, raft, store, hashWatch.problems),
    logger: logger.child({ part: 'api' }),
  });

  const lastSeenPeers = new LastSeenPeers(directory, peerCredentials);
  const dispatcher = createDispatcher({
    masterName: self.name,
    systemClient,
    clientFor,
    issueToken: (user, request) => issuePodToken(api, user, request),
    peers: () => lastSeenPeers.current(),
    logger: logger.child({ part: 'dispatcher' }),
  });
  const grpcServer = new grpc.Server({
    'grpc.max_receive_message_length': 8 * 1024 * 1024,
    'grpc.max_send_message_length': 8 * 1024 * 1024,
  });
  dispatcher.addTo(grpcServer);
  addResourceService(grpcServer, clientFor, logger.child({ part: 'grpc' }));
  const snapshotSource: SnapshotSource = { store, takeSnapshot: () => store.snapshotStream(), identity: config };
  addClusterService(grpcServer, {
    memberId: config.memberId,
    raft,
    store,
    snapshotSource,
    membership,
    registry,
    directory,
    refusal: () => (stopping ? 'it is shutting down' : undefined),
    problems: () => hashWatch.problems,
    logger: clusterLogger,
  });
  addReflectionService(grpcServer, [ResourceService, DispatcherService, NetworkService, ClusterService]);
  const health = addHealthService(
    grpcServer,
    [ResourceService.typeName, DispatcherService.typeName, NetworkService.typeName],
    () => !stopping && raft.leadership().leaderId !== undefined,
  );

  const etcd = createEtcdServer({
    clusterId: config.clusterId,
    memberId: config.memberId,
    store,
    raft,
    directory: {
      etcdAddress: ({ id }) => directory.list().find((member) => member.id === id)?.etcdAddress || undefined,
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
  await listenGrpc(grpcServer, self.grpcAddress, reloadingServerCredentials(certificates));
  certificates.addIdentityCertificateListener((renewed) => {
    if (renewed) apiServer.useCertificate(renewed.certificate, renewed.privateKey);
  });

  const informers = new WeakMap<LeaderContext, InformerSet>();
  /** One set per stretch of leadership, shared by its loops. */
  const informersOf = (context: LeaderContext): InformerSet => {
    const set =
      informers.get(context) ??
      new InformerSet({ client: context.client, signal: context.signal, logger, keep: keptParts });
    informers.set(context, set);
    return set;
  };
  const loops: LeaderLoop[] = [
    {
      name: 'bootstrap',
      async start(context) {
        await ensureBootstrapObjects(context.client);
        const requestHeader = frontProxy && {
          caPem: readFileSync(frontProxy.caFile, 'utf8'),
          allowedName: frontProxyName,
        };
        const clientCaPem = readFileSync(tls.caFile, 'utf8');
        await keepAuthenticationInfo(context.client, { clientCaPem, requestHeader }, new Date());
        await ensureServiceCidr(context.client, config.network.serviceCidr, systemClock.nowMs());
        await keepKubernetesService(context, config, directory, clusterLogger);
        await ensureDnsService(context.client, config.network, clusterLogger);
      },
    },
    {
      name: 'fairness',
      start: (context) => startKeepingConfig(context, fairness, systemClock, logger.child({ part: 'fairness' })),
    },
    {
      name: 'api-services',
      start(context) {
        const itsLogger = logger.child({ part: 'api-services' });
        startLocalServices(context, api.registry, systemClock, itsLogger);
        if (aggregator) startAvailability(context, aggregator, systemClock, itsLogger);
      },
    },
    { name: 'hash-marks', start: (context) => startHashMarks(context, store, clusterLogger) },
    {
      name: 'scheduler',
      start: (context) =>
        config.disable?.includes('scheduler')
          ? undefined
          : startScheduler(context, { informers: informersOf(context) }, logger.child({ part: 'scheduler' })),
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
            disabled: config.disable,
            certificateSigner: config.signing && createCertificateSigner(config.signing, api.authorizer),
            issueSecretToken: ({ metadata }, account) =>
              tokens.issueForSecret({
                namespace: metadata!.namespace!,
                secret: metadata!.name!,
                account: { name: account.metadata!.name!, uid: account.metadata!.uid! },
              }),
            nodeLifecycle: { lastSeen: (nodes) => dispatcher.lastSeen(nodes), ...config.nodeLifecycle },
          },
          logger.child({ part: 'controllers' }),
        ),
    },
    {
      name: 'service-repair',
      start: (context) =>
        void repairServiceAllocations(context, store, systemClock, logger.child({ part: 'services' })),
    },
    {
      name: 'load-balancers',
      start: (context) =>
        config.disable?.includes('controllers') || !config.network.loadBalancerPools
          ? undefined
          : startBareMetalCloud(context, {
              informers: informersOf(context),
              pools: config.network.loadBalancerPools,
              clock: systemClock,
              logger: logger.child({ part: 'load-balancers' }),
            }),
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
  const identityKey = loadIdentityKey(config.identityKeyFile ?? join(config.dataDir, 'identity.key'));
  void keepAnnouncing({
    config,
    raft,
    registry,
    directory,
    membership,
    clients: peerClients,
    key: identityKey,
    logger: clusterLogger,
    signal: ending.signal,
  });
  logger.info({ api: self.apiAddress, grpc: self.grpcAddress, raft: self.raftAddress }, 'master started');

  let stopped: Promise<void> | undefined;
  const stop = async () => {
    stopping = true;
    ending.abort();
    health.stop();
    leading.stop();
    const others = raft.members().filter(({ learner, id }) => !learner && id !== config.memberId).length > 0;
    if (raft.leadership().isLeader && others) {
      await raft
        .transferLeadership(undefined, { timeoutMs: handOverTimeoutMs })
        .catch((error: unknown) => logger.warn({ error: String(error) }, 'leadership was not taken over'));
    }
    apiServer.drain();
    if (others) await new Promise((resolve) => setTimeout(resolve, drainNoticeMs));
    dispatcher.close();
    lastSeenPeers.close();
    peerClients.close();
    await Promise.all([apiServer.close(), closeGrpc(grpcServer), etcd.stop()]);
    await Promise.all([auditor?.close(), tracer?.close()]);
    await raft.stop();
  };
  const master: Master = { stop: () => (stopped ??= stop()) };
  const leaveIfRemoved = async () => {
    const { role } = await raft.status();
    if (role !== 'removed' || stopping) return;
    await master.stop();
    await options.onRemoved();
  };
  const onFailure = (error: Error) => logger.warn({ reason: error.message }, 'the own membership could not be checked');
  raft.onMembers(() => void leaveIfRemoved().catch(onFailure));
  void leaveIfRemoved().catch(onFailure);
  return master;
}

/** True once this replica has everything that was acknowledged before; false when the signal aborted first. */
async function catchUp(raft: Pick<RaftNode<unknown>, 'readBarrier'>, signal: AbortSignal): Promise<boolean> {
  while (!signal.aborted) {
    try {
      await raft.readBarrier({ signal, timeoutMs: catchUpTimeoutMs });
      return true;
    } catch {
      // No leader has found this member yet, or the state is still on its way.
      await new Promise((resolve) => setTimeout(resolve, catchUpPauseMs));
    }
  }
  return false;
}

/** Consensus refuses it, but does not know of epochs. */
function explainForeignData(config: MasterConfig, cause: unknown): ConfigError | undefined {
  const found = findStorageError(cause)?.found;
  const problem = found && explainMismatch(config.dataDir, found.clusterId, config);
  return problem === undefined ? undefined : new ConfigError(problem, { cause });
}

/** Masters are no API objects; events about them need something to be about. */
function masterObject(name: string): TypedObject {
  return { apiVersion: 'trimast.io/v1', kind: 'Master', metadata: { name, namespace: 'default' } };
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
