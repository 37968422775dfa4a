/** An empty master asks the others to take it in again, until one of them has done so. */
import { ClusterService } from '../../gen/trimast/cluster/v1/cluster_pb.ts';
import { clientCredentials } from '../../lib/grpc.ts';
import type { Logger } from '../../lib/logger.ts';
import { addressesToAsk } from '../cluster/member-directory.ts';
import { PeerClients } from '../cluster/peer-clients.ts';
import type { MasterConfig } from '../config.ts';

const callTimeoutMs = 30_000;
const firstPauseMs = 500;
const longestPauseMs = 5_000;

/** Resolves true when this master is a learner that others know of, false when the signal aborted first. */
export async function rejoin(
  config: MasterConfig,
  reason: string,
  logger: Logger,
  signal: AbortSignal,
  onRefusal: (reason: string) => void = () => undefined,
): Promise<boolean> {
  const clients = new PeerClients(clientCredentials(config.tls));
  try {
    for (let pauseMs = firstPauseMs; !signal.aborted; pauseMs = Math.min(longestPauseMs, pauseMs * 2)) {
      for (const address of addressesToAsk(config)) {
        const deadline = Date.now() + callTimeoutMs;
        try {
          const request = { id: BigInt(config.memberId), reason };
          await clients.at(address).unary(ClusterService.method.rejoin, request, { signal, deadline });
          return true;
        } catch (error) {
          if (signal.aborted) return false;
          const details = (error as { details?: string }).details ?? (error as Error).message;
          onRefusal(details);
          logger.warn({ master: address, reason: details }, 'not taken in again yet');
        }
      }
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
    return false;
  } finally {
    clients.close();
  }
}
