/**
 * Keeps what the API says of a node equal to what its agent last said of itself.
 *
 * Others write to a Node as well: when no master has heard of it for long, its conditions become Unknown. An agent that was merely
 * paused, or whose report was overtaken by that judgement, does not know and has nothing new to report. So whoever holds its session
 * writes its last report again: level by level, not by who came last. Never while the node is silent, since then Unknown is right and
 * the stream may be half-open.
 */
import type { Node, NodeStatus } from '../api/generated/types/core-v1.ts';
import type { ApiClient } from '../client/types.ts';
import type { AssignmentSource } from './assignment-source.ts';
import { registerNode, reportNodeStatus, restoreNodeStatus } from './node-registration.ts';
import type { RetryOptions } from './retry.ts';
import { isJudgedLost } from './status-merge.ts';

export interface NodeStatusKeeperOptions extends RetryOptions {
  /** Acts as the node. */
  readonly client: ApiClient;
  readonly source: Pick<AssignmentSource, 'node'>;
  readonly nodeName: string;
  /** Whether this master has heard the node just now. */
  isHeard(): boolean;
}

export class NodeStatusKeeper {
  readonly #options: NodeStatusKeeperOptions;
  /** As its agent last reported it; undefined until the node is registered. */
  #reported: NodeStatus | undefined;
  #restoring = false;
  #isAskedAgain = false;

  constructor(options: NodeStatusKeeperOptions) {
    this.#options = options;
  }

  /** @throws ApiError for a definite refusal */
  async register(hello: Node): Promise<void> {
    const { client, nodeName } = this.#options;
    await registerNode(client, nodeName, hello, this.#options);
    this.#reported = hello.status;
    // It may have been judged while it registered, when there was nothing to restore yet.
    this.check();
  }

  /** @throws ApiError for a definite refusal */
  async report(status: NodeStatus): Promise<void> {
    const { client, nodeName } = this.#options;
    this.#reported = status;
    await reportNodeStatus(client, nodeName, status, this.#options);
  }

  /** Restores the status if that is due. To be called whenever the Node has changed or is heard again after a silence. Never rejects. */
  check(): void {
    if (this.#restoring) this.#isAskedAgain = true;
    else void this.#restore();
  }

  async #restore(): Promise<void> {
    const { client, nodeName, logger } = this.#options;
    this.#restoring = true;
    do {
      this.#isAskedAgain = false;
      if (!this.#isDue()) continue;
      try {
        const hasWritten = await restoreNodeStatus(client, nodeName, () => this.#due(), this.#options);
        if (hasWritten) logger.info({ node: nodeName }, 'node is heard again: its status is restored');
      } catch (error) {
        if (!this.#options.signal.aborted) logger.warn({ node: nodeName, err: error }, 'node status not restored');
      }
    } while (this.#isAskedAgain);
    this.#restoring = false;
  }

  #isDue(): boolean {
    const { source, nodeName } = this.#options;
    return this.#due() !== undefined && isJudgedLost(source.node(nodeName)?.status);
  }

  /** What may be written now. */
  #due(): NodeStatus | undefined {
    const { isHeard, signal } = this.#options;
    return !signal.aborted && isHeard() && !isJudgedLost(this.#reported) ? this.#reported : undefined;
  }
}
