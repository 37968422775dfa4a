/** One node: its session, its pods, its network, its status. A process runs one of these, or many hollow ones. */
import { randomInt } from 'node:crypto';
import { uptime } from 'node:os';
import { join } from 'node:path';
import type { ChannelCredentials } from '@grpc/grpc-js';
import type { ConfigMap, Node, NodeStatus, Secret, Service } from '../api/generated/types/core-v1.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import { Prng } from '../lib/prng.ts';
import { podRanges } from '../network/pods/plan.ts';
import type { PodCgroups } from './cgroups/cgroups.ts';
import { EventRecorder } from './event-recorder.ts';
import { NO_PRESSURE, type Pressure } from './eviction/thresholds.ts';
import { Housekeeping, type HousekeepingSettings } from './housekeeping/housekeeping.ts';
import {
  allocatable,
  allocatableAmounts,
  type NodeHealth,
  type NodeIdentity,
  nodeObject,
  nodeStatus,
  sameNodeStatus,
} from './node/node-object.ts';
import { createNodePages, sampledPods } from './node-pages.ts';
import type { NodeFacts, WorkerContext } from './pod/context.ts';
import { createPodLookup } from './pod/lookup.ts';
import { PodManager } from './pod/pod-manager.ts';
import { ImagePuller } from './pod/pull-image.ts';
import type { PodLookup } from './pod-lookup.ts';
import { ProbeManager } from './probes/probe-manager.ts';
import type { Runtime } from './runtime/runtime.ts';
import { Session } from './session/session.ts';
import { WantedCache } from './session/wanted-cache.ts';
import { type WantedChange, WantedSet } from './session/wanted-set.ts';
import { StatsCollector } from './stats/collector.ts';
import type { NodePages } from './streaming/handle-node-page.ts';
import type { PodStorage } from './volumes/pod-storage.ts';
import { PodTokens, type Token, type TokenAsk } from './volumes/pod-tokens.ts';

/** How often the node's health is looked at while it is ready, and while it is not. */
const HEALTH_INTERVAL_MS = 10_000;
const UNREADY_INTERVAL_MS = 500;
/** An unchanged status is reported again this often, as kubelet does. */
const STATUS_REPEAT_MS = 300_000;

export interface NodeAgentOptions {
  readonly identity: Omit<NodeIdentity, 'runtimeVersion'>;
  readonly masters: readonly string[];
  readonly credentials: ChannelCredentials;
  readonly runtime: Runtime;
  readonly storage: PodStorage;
  /** Network policies; absent on hollow nodes. */
  readonly policies?: {
    readonly protect: NonNullable<WorkerContext['protect']>;
    release(podUid: string): void;
  };
  /** Unset for hollow nodes: their pods would not survive a restart anyway. */
  readonly wantedFile?: string;
  /** What a hollow runtime needs to hear. */
  readonly onPodCidr?: (podCidr: string) => void;
  readonly facts: Omit<NodeFacts, 'name' | 'hostIp' | 'memoryBytes' | 'allocatable' | 'capacity'>;
  /** Absent on hollow nodes. */
  readonly cgroups?: PodCgroups;
  /** Its file system is the node's. Absent on hollow nodes. */
  readonly dataDir?: string;
  /** What `/configz` shows. */
  readonly configuration?: object;
  readonly allowedUnsafeSysctls?: readonly string[];
  /** Of the whole cluster, for pods' environments; undefined while they are not known. Absent on hollow nodes. */
  readonly services?: () => Iterable<Service> | undefined;
  readonly housekeeping?: HousekeepingSettings;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface NodeAgent {
  readonly lookup: PodLookup;
  /** An event of the node itself. */
  recordEvent(type: 'Normal' | 'Warning', reason: string, message: string): void;
  /** Absent on hollow nodes. */
  readonly pages: NodePages | undefined;
  /** Ends the session and leaves every pod as it is. */
  stop(): Promise<void>;
}

export async function startNodeAgent(options: NodeAgentOptions): Promise<NodeAgent> {
  const agent = new RunningNode(options);
  await agent.start();
  return agent;
}

class RunningNode implements NodeAgent {
  readonly lookup: PodLookup;
  readonly pages: NodePages | undefined;
  readonly #stats: StatsCollector | undefined;
  readonly #housekeeping: Housekeeping | undefined;
  readonly #options: NodeAgentOptions;
  readonly #pods: PodManager;
  readonly #probes: ProbeManager;
  readonly #tokens: PodTokens | undefined;
  readonly #abort = new AbortController();
  readonly #events: EventRecorder;
  readonly #cache: WantedCache | undefined;
  #wanted = new WantedSet();
  #session: Session | undefined;
  #status: NodeStatus;
  #runtimeVersion = '';
  #reportedAtMs = 0;
  #nodesChanged = false;
  #problem: string | undefined;
  #cancelHealth: (() => void) | undefined;

  constructor(options: NodeAgentOptions) {
    this.#options = options;
    const { runtime, storage, clock, logger, identity, facts } = options;
    const events = new EventRecorder(identity.name, (event) => this.#session?.sendEvent(event));
    this.#events = events;
    const recordEvent: WorkerContext['recordEvent'] = (pod, type, reason, message) => {
      // A hollow node pulls, creates and starts nothing: it has only problems to tell.
      if (runtime.kind === 'hollow' && type === 'Normal') return;
      events.podEvent(pod, type, reason, message, clock.nowMs());
    };
    this.#cache = options.wantedFile === undefined ? undefined : new WantedCache(options.wantedFile, clock, logger);
    this.#probes = new ProbeManager({
      runtime,
      clock,
      onChange: (podUid) => this.#pods.wake(podUid),
      onFailure: (target, kind, { message, isUnknown }) => {
        const worker = this.#pods.workers.get(target.podUid);
        const title = kind.charAt(0).toUpperCase() + kind.slice(1);
        if (worker)
          recordEvent(
            worker.pod,
            'Warning',
            'Unhealthy',
            `${title} probe ${isUnknown ? 'errored and resulted in unknown state' : 'failed'}: ${message}`.slice(
              0,
              1024,
            ),
          );
      },
    });
    if (runtime.kind !== 'hollow') {
      this.#tokens = new PodTokens({
        clock,
        logger,
        issue: (ask) => this.#issueToken(ask),
        written: (podUid, volume, path) => storage.written(podUid, volume, path),
        onDue: (podUid) => this.#pods.workers.get(podUid)?.objectsChanged(),
      });
    }
    this.#pods = new PodManager({
      runtime,
      storage,
      probes: this.#probes,
      puller: new ImagePuller(runtime, this.#abort.signal),
      clock,
      logger,
      node: {
        ...facts,
        name: identity.name,
        hostIp: identity.address,
        memoryBytes: identity.machine.memoryBytes,
        allocatable: allocatable(identity.machine),
        capacity: {
          allocatable: allocatableAmounts(identity.machine),
          allowedUnsafeSysctls: options.allowedUnsafeSysctls ?? [],
        },
      },
      objects: (namespace) => ({
        configMap: (name) => this.#wanted.get('configmaps', namespace, name) as ConfigMap | undefined,
        secret: (name) => this.#wanted.get('secrets', namespace, name) as Secret | undefined,
        ...(options.services && { services: options.services }),
      }),
      ...(options.policies && { protect: options.policies.protect }),
      tokens: this.#tokens,
      cgroups: options.cgroups,
      recordEvent,
      publish: (pod, status) => {
        this.#session?.sendPodStatus(pod, status);
        this.#pods.changed(pod.metadata.uid);
      },
      gone: (pod) => {
        options.policies?.release(pod.metadata.uid);
        this.#session?.sendPodGone(pod);
      },
    });
    this.#status = nodeStatus(this.#identity(), starting, undefined, clock.nowMs());
    if (options.cgroups && options.dataDir !== undefined) {
      this.#stats = new StatsCollector({
        nodeName: identity.name,
        bootedAtMs: clock.nowMs() - uptime() * 1000,
        cgroups: options.cgroups,
        storage,
        dataDir: options.dataDir,
        pods: () => sampledPods(this.#pods.workers.values()),
        imageFileSystem: () => runtime.imageFileSystem(),
        writableLayers: () => runtime.writableLayers(),
        clock,
      });
      this.#housekeeping = new Housekeeping({
        settings: options.housekeeping ?? {},
        dataDir: options.dataDir,
        runtime,
        storage,
        stats: this.#stats,
        workers: this.#pods.workers,
        clock,
        logger,
      });
      this.pages = createNodePages({
        stats: this.#stats,
        workers: this.#pods.workers,
        probes: this.#probes,
        configuration: options.configuration ?? {},
        problem: () => this.#problem,
      });
    }
    const subscribe = (podUid: string, onChange: () => void) => this.#pods.subscribe(podUid, onChange);
    this.lookup = createPodLookup(this.#pods.workers, storage, { hollow: runtime.kind === 'hollow', subscribe });
  }

  async start(): Promise<void> {
    const cached = await this.#cache?.load();
    const { clock, logger, identity, masters, credentials } = this.#options;
    if (cached) this.#wanted = WantedSet.restore(cached);
    const prng = new Prng(randomInt(2 ** 32));
    this.#session = new Session({
      nodeName: identity.name,
      masters,
      credentials,
      wanted: this.#wanted,
      clock,
      logger,
      random: () => prng.float(),
      node: () => nodeObject(this.#identity(), this.#status),
      podStatuses: () => this.#reportedStatuses(),
      onChanges: (changes, complete) => this.#onChanges(changes, complete),
    });
    this.#pods.start();
    // What was wanted before the restart is wanted until a master says otherwise.
    const known = [...this.#wanted.values()];
    if (known.length > 0) this.#take(known, false);
    await this.#checkHealth();
    this.#session.start();
  }

  recordEvent(type: 'Normal' | 'Warning', reason: string, message: string): void {
    this.#events.nodeEvent(type, reason, message, this.#options.clock.nowMs());
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    this.#cancelHealth?.();
    this.#session?.stop();
    this.#probes.stop();
    this.#stats?.stop();
    this.#tokens?.stop();
    await this.#pods.stop();
    await this.#cache?.flush();
    this.#options.runtime.close();
  }

  async #issueToken(ask: TokenAsk): Promise<Token> {
    if (!this.#session) throw new Error('the agent is starting');
    return this.#session.issueToken(ask);
  }

  *#reportedStatuses() {
    for (const { pod, reported } of this.#pods.workers.values()) if (reported) yield { pod, status: reported };
  }

  #onChanges(changes: readonly WantedChange[], complete: boolean): void {
    this.#take(changes, complete);
    this.#cache?.save(() => this.#wanted.state());
  }

  #take(changes: readonly WantedChange[], confirmed: boolean): void {
    this.#pods.apply(changes, confirmed);
    this.#nodesChanged ||= changes.some(({ resource }) => resource === 'nodes');
    // Half a set of nodes would take away the routes to the other half.
    if (!this.#nodesChanged || this.#wanted.isTakingInFullSet) return;
    this.#nodesChanged = false;
    const nodes = [...this.#wanted.values()]
      .filter(({ resource }) => resource === 'nodes')
      .map(({ object }) => object as Node);
    const [podCidr] = podRanges(nodes.find(({ metadata }) => metadata?.name === this.#options.identity.name));
    if (podCidr !== undefined) this.#options.onPodCidr?.(podCidr);
    this.#checkHealthIn(0);
  }

  #identity(): NodeIdentity {
    return { ...this.#options.identity, runtimeVersion: this.#runtimeVersion };
  }

  async #checkHealth(): Promise<void> {
    const { clock } = this.#options;
    void this.#keepHouse();
    const health = await this.#health();
    if (this.#abort.signal.aborted) return;
    this.#problem = health.notReady?.message;
    const nowMs = clock.nowMs();
    const status = nodeStatus(this.#identity(), health, this.#status, nowMs);
    const changed = !sameNodeStatus(status, this.#status);
    if (changed || nowMs - this.#reportedAtMs >= STATUS_REPEAT_MS) {
      this.#status = status;
      this.#reportedAtMs = nowMs;
      this.#session?.sendNodeStatus(status);
      if (changed)
        this.#options.logger.info({ ready: health.notReady === undefined, ...health.notReady }, 'node status');
    }
    this.#checkHealthIn(health.notReady ? UNREADY_INTERVAL_MS : HEALTH_INTERVAL_MS);
  }

  #checkHealthIn(delayMs: number): void {
    this.#cancelHealth?.();
    if (!this.#abort.signal.aborted) {
      this.#cancelHealth = this.#options.clock.setTimer(delayMs, () => void this.#checkHealth());
    }
  }

  /** Beside the look at the node's health, which is told at once when this changes it. */
  async #keepHouse(): Promise<void> {
    if (!this.#housekeeping) return;
    const before = JSON.stringify([this.#housekeeping.pressure, this.#housekeeping.images.length]);
    await this.#housekeeping.look();
    this.#pods.setPressure(this.#housekeeping.pressure);
    const after = JSON.stringify([this.#housekeeping.pressure, this.#housekeeping.images.length]);
    if (after !== before) this.#checkHealthIn(0);
  }

  async #health(): Promise<NodeHealth> {
    const { runtime } = this.#options;
    const pressures: Pressure = this.#housekeeping?.pressure ?? NO_PRESSURE;
    const images = this.#housekeeping?.images ?? [];
    try {
      const status = await runtime.status();
      if (this.#runtimeVersion === '') {
        const { name, version } = await runtime.version();
        this.#runtimeVersion = `${name}://${version}`;
      }
      const ok = status.ready && status.networkReady;
      return {
        ...pressures,
        images,
        notReady: ok ? undefined : { reason: 'KubeletNotReady', message: status.message },
      };
    } catch (error) {
      const message = `container runtime is not answering: ${error instanceof Error ? error.message : String(error)}`;
      return { ...pressures, images, notReady: { reason: 'KubeletNotReady', message } };
    }
  }
}

const starting: NodeHealth = {
  notReady: { reason: 'KubeletNotReady', message: 'the agent is starting' },
  memoryPressure: false,
  diskPressure: false,
  pidPressure: false,
};

/** Where below an agent's data folder things lie. */
export function dataPaths(dataDir: string) {
  return {
    pods: join(dataDir, 'pods'),
    ipam: join(dataDir, 'ipam'),
    wanted: join(dataDir, 'wanted.json'),
    network: join(dataDir, 'network.json'),
  };
}
