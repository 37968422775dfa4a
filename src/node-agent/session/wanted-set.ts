/**
 * What this node is to have, as masters said: objects by resource, namespace and name, and the revision up to which they are known.
 * A full set comes in chunks; what it did not name is gone when it ends. Pure.
 */

import type { KubernetesObject } from '../../api/types.ts';
import { type Assignment, Assignment_Action } from '../../gen/trimast/dispatcher/v1/dispatcher_pb.ts';

export interface WantedObject {
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
  readonly object: KubernetesObject;
}

export interface WantedChange {
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
  /** Undefined: not wanted any more. */
  readonly object: KubernetesObject | undefined;
}

export interface WantedState {
  readonly revision: string;
  readonly objects: readonly WantedObject[];
}

export class WantedSet {
  readonly #objects = new Map<string, WantedObject>();
  #revision = 0n;
  #seenInFullSet: Set<string> | undefined;

  /** What was known before a restart. */
  static restore(state: WantedState): WantedSet {
    const set = new WantedSet();
    for (const wanted of state.objects) set.#objects.set(keyOf(wanted), wanted);
    set.#revision = BigInt(state.revision);
    return set;
  }

  /** 0 while no full set has been taken in. */
  get revision(): bigint {
    return this.#revision;
  }

  /** True between {@link beginFull} and the last chunk. */
  get isTakingInFullSet(): boolean {
    return this.#seenInFullSet !== undefined;
  }

  values(): Iterable<WantedObject> {
    return this.#objects.values();
  }

  get(resource: string, namespace: string, name: string): KubernetesObject | undefined {
    return this.#objects.get(keyOf({ resource, namespace, name }))?.object;
  }

  state(): WantedState {
    return { revision: String(this.#revision), objects: [...this.#objects.values()] };
  }

  /** A new session begins; `full` as in its Welcome. */
  beginSession(full: boolean): void {
    this.#seenInFullSet = full ? new Set() : undefined;
  }

  /** Takes in one message and returns what it changed. @throws SyntaxError for an object that is not JSON. */
  apply(assignments: readonly Assignment[], revision: bigint): WantedChange[] {
    const changes: WantedChange[] = [];
    for (const assignment of assignments) {
      const { resource, namespace, name } = assignment;
      const key = keyOf(assignment);
      if (assignment.action === Assignment_Action.SET) {
        const object = JSON.parse(Buffer.from(assignment.object).toString()) as KubernetesObject;
        this.#seenInFullSet?.add(key);
        this.#objects.set(key, { resource, namespace, name, object });
        changes.push({ resource, namespace, name, object });
      } else if (assignment.action === Assignment_Action.REMOVE && this.#objects.delete(key)) {
        changes.push({ resource, namespace, name, object: undefined });
      }
    }
    if (revision > 0n) {
      changes.push(...this.#endFullSet());
      this.#revision = revision;
    }
    return changes;
  }

  #endFullSet(): WantedChange[] {
    const seen = this.#seenInFullSet;
    if (!seen) return [];
    this.#seenInFullSet = undefined;
    const changes: WantedChange[] = [];
    for (const [key, { resource, namespace, name }] of this.#objects) {
      if (seen.has(key)) continue;
      this.#objects.delete(key);
      changes.push({ resource, namespace, name, object: undefined });
    }
    return changes;
  }
}

function keyOf({ resource, namespace, name }: { resource: string; namespace: string; name: string }): string {
  return `${resource}/${namespace}/${name}`;
}
