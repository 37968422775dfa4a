/** The resources of one pod over its life: what it was given, what its containers really have, and what it waits for. */
import type { Container, ResourceRequirements } from '../../api/generated/types/core-v1.ts';
import {
  type Allocation,
  asksForResize,
  type ResizeVerdict,
  reportedAllocation,
  wantedAllocation,
  withAllocation,
} from './allocation.ts';
import type { Failure, ResizeState, WantedPod } from './types.ts';

export class PodResources {
  #allocation: Allocation;
  readonly #actual = new Map<string, ResourceRequirements>();
  #pending: ResizeState['pending'];
  #failure: Failure | undefined;
  #given: { readonly pod: WantedPod; readonly given: WantedPod } | undefined;

  constructor(pod: WantedPod) {
    this.#allocation = reportedAllocation(pod);
    const { initContainerStatuses = [], containerStatuses = [] } = pod.status ?? {};
    for (const { containerID, resources } of [...initContainerStatuses, ...containerStatuses]) {
      if (containerID && resources) this.#actual.set(containerID.slice(containerID.indexOf('://') + 3), resources);
    }
  }

  /** The pod with the amounts that it was given. */
  given(pod: WantedPod): WantedPod {
    if (this.#given?.pod !== pod) this.#given = { pod, given: withAllocation(pod, this.#allocation) };
    return this.#given.given;
  }

  /** By container id. */
  get actual(): ReadonlyMap<string, ResourceRequirements> {
    return this.#actual;
  }

  get state(): ResizeState {
    return { pending: this.#pending, failure: this.#failure };
  }

  /** Gives the pod what it asks for if the node has it. Returns what is news: granted, or why not. */
  consider(pod: WantedPod, judge: (pod: WantedPod) => ResizeVerdict): ResizeVerdict | undefined {
    if (!asksForResize(pod, this.#allocation)) {
      this.#pending = undefined;
      return undefined;
    }
    const verdict = judge(pod);
    if (verdict.verdict === 'fits') {
      this.#allocation = wantedAllocation(pod);
      this.#given = undefined;
      this.#pending = undefined;
      this.#failure = undefined;
      return verdict;
    }
    const before = this.#pending;
    this.#pending = { reason: verdict.verdict, message: verdict.message };
    return before?.reason === verdict.verdict && before.message === verdict.message ? undefined : verdict;
  }

  /** The container runs with these amounts. */
  note(containerId: string, { resources = {} }: Container): void {
    this.#actual.set(containerId, resources);
  }

  /** Of containers that are not there any more nothing is kept. */
  keepOnly(containerIds: ReadonlySet<string>): void {
    for (const id of this.#actual.keys()) if (!containerIds.has(id)) this.#actual.delete(id);
  }

  noteFailure(failure: Failure | undefined): void {
    this.#failure = failure;
  }
}
