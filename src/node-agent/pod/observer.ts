/**
 * What the runtime has of one pod. A listing is cheap and asked anew each time; details of a container change only with its state, so they
 * are asked once per state.
 */

import { type Runtime, type RuntimeContainer, RuntimeError, type Sandbox } from '../runtime/runtime.ts';
import type { PodStorage } from '../volumes/pod-storage.ts';
import { logTail } from './log-tail.ts';
import { allContainers, type WantedPod } from './types.ts';

export interface RuntimeObservation {
  readonly sandboxes: readonly Sandbox[];
  readonly containers: readonly RuntimeContainer[];
  readonly ips: readonly string[];
  readonly terminationMessages: ReadonlyMap<string, string>;
}

export const NOTHING_OBSERVED: RuntimeObservation = {
  sandboxes: [],
  containers: [],
  ips: [],
  terminationMessages: new Map(),
};

export class PodObserver {
  readonly #runtime: Runtime;
  readonly #storage: PodStorage;
  #containers = new Map<string, RuntimeContainer>();
  #messages = new Map<string, string>();
  #ips: { sandboxId: string; ips: string[] } | undefined;

  constructor(runtime: Runtime, storage: PodStorage) {
    this.#runtime = runtime;
    this.#storage = storage;
  }

  /** @throws RuntimeError when the runtime does not answer. */
  async observe(pod: WantedPod): Promise<RuntimeObservation> {
    const listing = await this.#runtime.list(pod.metadata.uid);
    const sandboxes = listing.sandboxes.toSorted((a, b) => b.attempt - a.attempt || b.createdAtMs - a.createdAtMs);
    const containers = new Map<string, RuntimeContainer>();
    const messages = new Map<string, string>();
    for (const summary of listing.containers) {
      const known = this.#containers.get(summary.id);
      const container = known?.state === summary.state ? known : await this.#details(summary.id);
      if (!container) continue;
      containers.set(summary.id, container);
      if (container.state !== 'exited') continue;
      messages.set(summary.id, this.#messages.get(summary.id) ?? (await this.#terminationMessage(pod, container)));
    }
    this.#containers = containers;
    this.#messages = messages;
    return {
      sandboxes,
      containers: [...containers.values()],
      ips: await this.#sandboxIps(sandboxes[0]),
      terminationMessages: messages,
    };
  }

  async #details(id: string): Promise<RuntimeContainer | undefined> {
    try {
      return await this.#runtime.containerStatus(id);
    } catch (error) {
      // Removed since it was listed.
      if (error instanceof RuntimeError && error.code === 'not-found') return undefined;
      throw error;
    }
  }

  async #sandboxIps(sandbox: Sandbox | undefined): Promise<string[]> {
    if (!sandbox?.ready) return [];
    if (this.#ips?.sandboxId !== sandbox.id) {
      this.#ips = { sandboxId: sandbox.id, ips: await this.#runtime.sandboxIps(sandbox.id) };
    }
    return this.#ips.ips;
  }

  async #terminationMessage(pod: WantedPod, container: RuntimeContainer): Promise<string> {
    const text = await this.#storage.terminationMessage(pod.metadata.uid, container.name, container.attempt);
    if (text !== '' || container.exitCode === 0) return text;
    const spec = allContainers(pod).find(({ name }) => name === container.name);
    return spec?.terminationMessagePolicy === 'FallbackToLogsOnError' ? logTail(container.logPath) : '';
  }
}
