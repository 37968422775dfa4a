/**
 * Reads every version that the state had at one moment, in slices and in order of key, while the state moves on: what is written later is left out
 * by its revision, and what compaction takes away ahead of the reader is kept here until it was read.
 */
import type { KeyHistory } from './key-history.ts';
import { KeyIndex } from './key-index.ts';
import type { State } from './state.ts';
import { StateHash } from './state-hash.ts';
import type { Version } from './version.ts';

export class StateScan {
  readonly #state: State;
  readonly #revision: number;
  /** What was there of a key before compaction touched it. */
  readonly #kept = new KeyIndex<readonly Version[]>();
  /** Everything before it was read. */
  #cursor: string | undefined = '';
  /** Of what was read, and of what came and went behind the reader since: at the end this must be the state's own. */
  readonly #hash: StateHash | undefined;

  constructor(state: State, revision: number, rehash: boolean) {
    this.#state = state;
    this.#revision = revision;
    this.#hash = rehash ? new StateHash() : undefined;
  }

  get done(): boolean {
    return this.#cursor === undefined;
  }

  /** Of a rehashing scan, in the turn in which it is done: the hash of the state's versions, from their bytes as this scan read them. */
  recomputedHash(): string | undefined {
    return this.#hash?.digest();
  }

  /** The next versions, about `maxVersions` or `maxBytes` of them and always all of a key; empty at the end. */
  read(maxVersions: number, maxBytes: number): readonly Version[] {
    const from = this.#cursor;
    if (from === undefined) return [];
    let versions: Version[] = [];
    let bytes = 0;
    let next: string | undefined;
    this.#state.scanHistories(from, (history) => {
      if (versions.length >= maxVersions || bytes >= maxBytes) {
        next = history.key;
        return false;
      }
      const kept = this.#kept.size > 0 ? this.#kept.get(history.key) : undefined;
      const before = versions.length;
      for (const version of kept ?? this.#seen(history)) versions.push(version);
      for (let i = before; i < versions.length; i++) bytes += versions[i]!.length;
      if (this.#hash) this.#rehash(this.#hash, history);
      return true;
    });
    if (this.#kept.size > 0) versions = this.#withGone(versions, from, next);
    this.#cursor = next;
    return versions;
  }

  /** Called before compaction takes versions from `history`. */
  keep(history: KeyHistory): void {
    if (this.#hash || this.#cursor === undefined || history.key < this.#cursor || this.#kept.get(history.key)) return;
    this.#kept.set(history.key, this.#seen(history));
  }

  added(version: Version): void {
    if (this.#isBehind(version)) this.#hash?.add(version);
  }

  removed(version: Version): void {
    if (this.#isBehind(version)) this.#hash?.remove(version);
  }

  /** What there was of a key at the moment of this scan. */
  #seen(history: KeyHistory): Version[] {
    const versions: Version[] = [];
    history.forEach((version) => {
      if (version.modRevision <= this.#revision) versions.push(version);
    });
    return versions;
  }

  #rehash(hash: StateHash, history: KeyHistory): void {
    history.forEach((version) => {
      hash.add(version);
    });
  }

  #isBehind(version: Version): boolean {
    return this.#cursor !== undefined && version.key < this.#cursor;
  }

  /** With the kept versions of keys that are not in the index any more. */
  #withGone(versions: readonly Version[], from: string, next: string | undefined): Version[] {
    const keys = new Set(versions.map((version) => version.key));
    const all = [...versions];
    const past: string[] = [];
    this.#kept.scan(from, next ?? '', (kept) => {
      const key = kept[0]?.key;
      if (key === undefined) return true;
      past.push(key);
      if (!keys.has(key)) all.push(...kept);
      return true;
    });
    for (const key of past) this.#kept.delete(key);
    // Stable: the versions of a key stay in their order.
    return all.length === versions.length ? all : all.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  }
}
