/**
 * The master side of agent sessions: assignments out, statuses in, heartbeats. Works the same on every master, leading or not, and sees
 * the cluster only through `ApiClient`s.
 */
import { type Server, type ServerErrorResponse, type ServerUnaryCall, status } from '@grpc/grpc-js';
import type { UserInfo } from '../apiserver/types.ts';
import type { ApiClient } from '../client/types.ts';
import { DispatcherService } from '../gen/trimast/dispatcher/v1/dispatcher_pb.ts';
import { NetworkService } from '../gen/trimast/network/v1/network_pb.ts';
import { type Clock, systemClock } from '../lib/clock.ts';
import { addService, peerSubject } from '../lib/grpc.ts';
import type { Logger } from '../lib/logger.ts';
import { AssignmentSource } from './assignment-source.ts';
import { CatchUp } from './catch-up.ts';
import { DispatchError, toServiceError } from './dispatch-error.ts';
import { nodeUser, requireMaster, requireNode } from './identity.ts';
import { watchIsolation } from './isolation-watch.ts';
import { LastSeen, neverSeen, youngest } from './last-seen.ts';
import type { LastSeenPeer } from './last-seen-peer.ts';
import { LeaseRenewer } from './lease-renewer.ts';
import { heardWithinMs, leaseRenewIntervalMs, maxLastSeenNodes, maxSessions, progressIntervalMs } from './limits.ts';
import { NetworkSource } from './network/network-source.ts';
import { type NetworkCall, NetworkStream } from './network/network-stream.ts';
import { answerTokenRequest, type PodToken, type PodTokenRequest } from './pod-token.ts';
import { Session } from './session.ts';

export { createLastSeenPeer, type LastSeenPeer } from './last-seen-peer.ts';
export { heartbeatIntervalMs } from './limits.ts';
export type { PodToken, PodTokenRequest };

export interface DispatcherOptions {
  readonly masterName: string;
  /** For what the dispatcher itself reads and for Leases. */
  readonly systemClient: ApiClient;
  /** For writes on behalf of a node. */
  clientFor(user: UserInfo): ApiClient;
  /** Makes a token on behalf of a node. @throws ApiError */
  issueToken(user: UserInfo, request: PodTokenRequest): Promise<PodToken>;
  /** The other masters, asked for whenever they are needed; whoever gives them closes them. */
  readonly peers?: (() => readonly LastSeenPeer[]) | undefined;
  readonly logger: Logger;
  readonly clock?: Clock | undefined;
}

export interface Dispatcher {
  /** The server's credentials must demand certificates of the cluster's CA. */
  addTo(server: Server): void;
  /**
   * Milliseconds since each node was last heard by any master that answers, -1 for never, in the order of the question. Asks the
   * other masters about nodes that this one has not heard just now.
   */
  lastSeen(nodes: readonly string[]): Promise<number[]>;
  /** Nodes that have a session here. */
  connectedNodes(): string[];
  /** Ends every session; the agents go to another master. */
  close(): void;
}

export function createDispatcher(options: DispatcherOptions): Dispatcher {
  const { masterName, systemClient, clientFor, logger, peers = () => [], clock = systemClock } = options;
  const abort = new AbortController();
  const { signal } = abort;
  const source = new AssignmentSource({ client: systemClient, clock, logger, signal });
  const catchUp = new CatchUp(systemClient, source, { clock, logger, signal });
  const lastSeen = new LastSeen(clock);
  const leases = new LeaseRenewer({ client: systemClient, source, lastSeen, clock, logger });
  const all = new Set<Session>();
  const network = new NetworkSource({ client: systemClient, clock, logger, signal });
  const networkStreams = new Set<NetworkStream>();
  const byNode = new Map<string, Session>();

  source.start();
  network.start();
  const closeAll = (why: string): void => {
    for (const stream of [...all, ...networkStreams]) stream.fail(new DispatchError(status.UNAVAILABLE, why));
  };
  const onIsolated = (): void => closeAll('this master is cut off from the others');
  void watchIsolation({ client: systemClient, clock, logger, signal, onIsolated });
  repeat(clock, leaseRenewIntervalMs, signal, () => void leases.renewAll([...byNode.keys()]));
  repeat(clock, progressIntervalMs, signal, () => {
    for (const stream of [...byNode.values(), ...networkStreams]) stream.progress();
  });

  function supersede(session: Session): void {
    const older = byNode.get(session.nodeName);
    byNode.set(session.nodeName, session);
    older?.fail(new DispatchError(status.ABORTED, 'the node has opened another session'));
    void leases.renew(session.nodeName);
  }

  function remove(session: Session): void {
    all.delete(session);
    if (byNode.get(session.nodeName) !== session) return;
    byNode.delete(session.nodeName);
    leases.forget(session.nodeName);
  }

  function isHeard(nodeName: string): boolean {
    const ageMs = lastSeen.ageMs(nodeName);
    return ageMs !== neverSeen && ageMs <= heardWithinMs;
  }

  function heard(nodeName: string): void {
    const wasHeard = isHeard(nodeName);
    lastSeen.touch(nodeName);
    if (!wasHeard) byNode.get(nodeName)?.onReturn();
  }

  async function askPeer(peer: LastSeenPeer, nodes: readonly string[]): Promise<number[]> {
    try {
      return await peer.lastSeen(nodes, signal);
    } catch (error) {
      logger.debug({ peer: peer.name, err: error }, 'a master did not say whom it has heard');
      return [];
    }
  }

  function openNetworkStream(call: NetworkCall): void {
    try {
      const nodeName = requireNode(peerSubject(call));
      if (signal.aborted) throw new DispatchError(status.UNAVAILABLE, 'this master is shutting down');
      if (networkStreams.size >= maxSessions)
        throw new DispatchError(status.RESOURCE_EXHAUSTED, `this master has ${maxSessions} network streams already`);
      const onClose = (stream: NetworkStream) => networkStreams.delete(stream);
      const options = { nodeName, source: network, client: systemClient, clock, logger, onClose };
      networkStreams.add(new NetworkStream(call, options));
    } catch (error) {
      call.emit('error', toServiceError(error));
    }
  }

  return {
    addTo(server) {
      addService(server, NetworkService, { watchNetwork: openNetworkStream });
      addService(server, DispatcherService, {
        session(call) {
          try {
            const nodeName = requireNode(peerSubject(call));
            if (signal.aborted) throw new DispatchError(status.UNAVAILABLE, 'this master is shutting down');
            if (all.size >= maxSessions)
              throw new DispatchError(status.RESOURCE_EXHAUSTED, `this master has ${maxSessions} sessions already`);
            const session = new Session(call, {
              nodeName,
              masterName,
              client: clientFor(nodeUser(nodeName)),
              source,
              catchUp,
              clock,
              logger,
              onHello: supersede,
              onSeen: () => heard(nodeName),
              isHeard: () => isHeard(nodeName),
              onClose: remove,
            });
            all.add(session);
          } catch (error) {
            call.emit('error', toServiceError(error));
          }
        },
        heartbeat(call) {
          try {
            const nodeName = requireNode(peerSubject(call));
            call.on('data', () => {
              heard(nodeName);
              call.write({});
            });
            call.on('end', () => call.end());
            // The stream is gone: nothing is left to answer, and silence is what tells.
            call.on('error', () => call.end());
          } catch (error) {
            call.emit('error', toServiceError(error));
          }
        },
        issueToken(call, callback) {
          answerTokenRequest(call, options.issueToken).then(
            (response) => callback(null, response),
            (error: unknown) => callback(toServiceError(error) as ServerErrorResponse),
          );
        },
        lastSeen(call: ServerUnaryCall<{ nodes: string[] }, { ageMs?: bigint[] }>, callback) {
          try {
            requireMaster(peerSubject(call));
            const { nodes } = call.request;
            if (nodes.length > maxLastSeenNodes)
              throw new DispatchError(
                status.INVALID_ARGUMENT,
                `${nodes.length} nodes in a question; the limit is ${maxLastSeenNodes}`,
              );
            callback(null, { ageMs: nodes.map((node) => BigInt(lastSeen.ageMs(node))) });
          } catch (error) {
            callback(toServiceError(error) as ServerErrorResponse);
          }
        },
      });
    },
    async lastSeen(nodes) {
      const ages = nodes.map((node) => lastSeen.ageMs(node));
      const doubtful = nodes.filter((_, i) => ages[i] === neverSeen || ages[i]! > heardWithinMs);
      if (doubtful.length === 0) return ages;
      const answers = await Promise.all(peers().map((peer) => askPeer(peer, doubtful)));
      const seen = new Map(
        doubtful.map((node, i) => [node, answers.map((answer) => answer[i] ?? neverSeen).reduce(youngest, neverSeen)]),
      );
      // Read again: a heartbeat may have come while the others were asked.
      return nodes.map((node) => youngest(lastSeen.ageMs(node), seen.get(node) ?? neverSeen));
    },
    connectedNodes: () => [...byNode.keys()],
    close() {
      closeAll('this master is shutting down');
      abort.abort();
    },
  };
}

/** Calls back every `intervalMs` until the signal aborts. */
function repeat(clock: Clock, intervalMs: number, signal: AbortSignal, callback: () => void): void {
  const again = (): void => {
    cancel = clock.setTimer(intervalMs, again);
    callback();
  };
  let cancel = clock.setTimer(intervalMs, again);
  signal.addEventListener('abort', () => cancel(), { once: true });
}
