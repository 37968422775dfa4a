/**
 * Nodes with the pods on them, kept up to date from informers, plus *assumed* pods: those whose binding is on its way. An assumed pod
 * counts as placed until the informer confirms it or the binding fails, so that one decision never ignores the one before.
 */

import { add, subtract } from '../api/meta/pod-resources.ts';
import { assert } from '../lib/assert.ts';
import type { NodeFacts } from './pod-info.ts';
import type { NodeInfo, PodInfo } from './types.ts';

interface Entry extends NodeInfo {
  labels: NodeInfo['labels'];
  taints: NodeInfo['taints'];
  unschedulable: boolean;
  allocatable: NodeInfo['allocatable'];
  readonly requested: Map<string, number>;
  readonly scoredUse: { cpu: number; memory: number };
  readonly pods: Map<string, PodInfo>;
  readonly antiAffinePods: Map<string, PodInfo>;
  /** False while only pods name this node: it is not (or no longer) there. */
  known: boolean;
}

export class Cache {
  readonly #nodes = new Map<string, Entry>();
  readonly #placed = new Map<string, PodInfo>();
  readonly #assumed = new Set<string>();

  /** Nodes that exist, in no particular order. */
  nodes(): NodeInfo[] {
    return [...this.#nodes.values()].filter((node) => node.known);
  }

  setNode(facts: NodeFacts): void {
    const entry = this.#entry(facts.name);
    Object.assign(entry, facts, { known: true });
  }

  removeNode(name: string): void {
    const entry = this.#nodes.get(name);
    if (!entry) return;
    entry.known = false;
    this.#dropIfEmpty(entry);
  }

  /** Takes in what the informer says of a bound pod; confirms an assumption. */
  setPod(pod: PodInfo): void {
    assert(pod.nodeName !== '', 'a placed pod names its node', { pod: pod.key });
    this.removePod(pod.key);
    this.#place(pod);
  }

  removePod(key: string): void {
    const pod = this.#placed.get(key);
    if (!pod) return;
    this.#placed.delete(key);
    this.#assumed.delete(key);
    const entry = this.#entry(pod.nodeName);
    entry.pods.delete(key);
    entry.antiAffinePods.delete(key);
    subtract(entry.requested, pod.requests);
    entry.scoredUse.cpu -= pod.scoredUse.cpu;
    entry.scoredUse.memory -= pod.scoredUse.memory;
    this.#dropIfEmpty(entry);
  }

  assume(pod: PodInfo, nodeName: string): void {
    assert(!this.#placed.has(pod.key), 'a pod is assumed once', { pod: pod.key });
    this.#place({ ...pod, nodeName });
    this.#assumed.add(pod.key);
  }

  /** The binding failed: forgets the assumption unless the informer has confirmed it meanwhile. */
  forget(key: string): void {
    if (this.#assumed.has(key)) this.removePod(key);
  }

  isPlaced(key: string): boolean {
    return this.#placed.has(key);
  }

  #place(pod: PodInfo): void {
    const entry = this.#entry(pod.nodeName);
    this.#placed.set(pod.key, pod);
    entry.pods.set(pod.key, pod);
    if (pod.affinity?.podAntiAffinity) entry.antiAffinePods.set(pod.key, pod);
    add(entry.requested, pod.requests);
    entry.scoredUse.cpu += pod.scoredUse.cpu;
    entry.scoredUse.memory += pod.scoredUse.memory;
  }

  #entry(name: string): Entry {
    let entry = this.#nodes.get(name);
    if (!entry) {
      entry = {
        name,
        labels: {},
        taints: [],
        unschedulable: false,
        allocatable: new Map(),
        requested: new Map(),
        scoredUse: { cpu: 0, memory: 0 },
        pods: new Map(),
        antiAffinePods: new Map(),
        known: false,
      };
      this.#nodes.set(name, entry);
    }
    return entry;
  }

  #dropIfEmpty(entry: Entry): void {
    if (!entry.known && entry.pods.size === 0) this.#nodes.delete(entry.name);
  }
}
