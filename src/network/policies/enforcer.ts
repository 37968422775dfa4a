/**
 * Keeps this node's policy rules as the view says. Rules of the run before stay until the masters have been heard once: what is on disk may
 * lack the newest pods, and theirs must not be without rules meanwhile.
 */
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Nftables } from '../nftables/index.ts';
import type { NetworkView } from '../view.ts';
import type { PolicyPod } from './compile.ts';
import { PolicyPlanner } from './planner.ts';

/** After that long without a master, what is on disk counts: after a reboot there are no rules to keep. */
const firstSyncMs = 10_000;
/** How long a new pod waits for the policies to be known. */
const protectMs = 30_000;

export interface PolicyEnforcerOptions {
  readonly nodeName: string;
  readonly view: NetworkView;
  readonly nftables: Nftables;
  /** Where this node's DNS answers. */
  readonly dns: readonly string[];
  /** The masters have told everything once. */
  readonly live: Promise<void>;
  readonly clock: Clock;
  readonly logger: Logger;
}

export class PolicyEnforcer {
  readonly #options: PolicyEnforcerOptions;
  readonly #planner: PolicyPlanner;
  readonly #stops: (() => void)[] = [];
  #begun = false;
  #scheduled: Promise<void> | undefined;
  /** Milliseconds that the last change took to reach the kernel. */
  lastSyncMs = 0;

  constructor(options: PolicyEnforcerOptions) {
    const { view, nodeName, dns, live, clock } = options;
    this.#options = options;
    this.#planner = new PolicyPlanner(nodeName, dns);
    const begin = (): void => {
      if (this.#begun) return;
      this.#begun = true;
      if (view.complete) this.#log(this.#sync());
    };
    this.#stops.push(
      view.subscribe((changes, complete) => {
        this.#planner.apply(changes);
        if (complete && this.#begun) this.#log(this.#sync());
      }),
      clock.setTimer(firstSyncMs, begin),
    );
    void live.then(begin);
  }

  get policyCount(): number {
    return this.#planner.policyCount;
  }

  /** Resolves once the rules for a pod that has just got its addresses are in the kernel. @throws Error when the policies are not known for too long */
  async protect(pod: PolicyPod): Promise<void> {
    await this.#known();
    this.#planner.addEarly(pod);
    await this.#sync();
  }

  /** The pod is gone from this node. */
  release(uid: string): void {
    this.#planner.removeEarly(uid);
    if (this.#begun && this.#options.view.complete) this.#log(this.#sync());
  }

  /** The rules stay. */
  stop(): void {
    for (const stop of this.#stops) stop();
  }

  /** Changes of one turn of the event loop go to the kernel together. */
  #sync(): Promise<void> {
    this.#scheduled ??= new Promise<void>((resolve, reject) => {
      setImmediate(() => {
        this.#scheduled = undefined;
        const { nftables, clock } = this.#options;
        const startMs = clock.monotonicMs();
        nftables.set(this.#planner.plan()).then(() => {
          this.lastSyncMs = clock.monotonicMs() - startMs;
          resolve();
        }, reject);
      });
    });
    return this.#scheduled;
  }

  #known(): Promise<void> {
    const { view, clock } = this.#options;
    if (view.complete) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const end = view.subscribe((_, complete) => {
        if (!complete) return;
        cancel();
        queueMicrotask(() => end());
        resolve();
      });
      const cancel = clock.setTimer(protectMs, () => {
        end();
        reject(new Error('no master has told this node of the network policies yet'));
      });
    });
  }

  #log(done: Promise<void>): void {
    done.catch((error: unknown) => this.#options.logger.error({ err: error }, 'policies not applied'));
  }
}
