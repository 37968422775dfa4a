/**
 * Every version that can still be watched, in the order in which they were written: one reference each. A place in it is a number that stays the
 * same however much is forgotten in front.
 */
import type { State } from './state.ts';
import type { Version } from './version.ts';

export class RevisionLog {
  #versions: Version[] = [];
  /** Forgotten ones that are still in the array. */
  #head = 0;
  /** Place of the array's first. */
  #base = 0;

  get end(): number {
    return this.#base + this.#versions.length;
  }

  push(version: Version): void {
    this.#versions.push(version);
  }

  /** Undefined at the end, and for what was forgotten. */
  at(place: number): Version | undefined {
    const position = place - this.#base;
    return position < this.#head ? undefined : this.#versions[position];
  }

  /** Place of the first version of `revision` or later. */
  placeOf(revision: number): number {
    let low = this.#head;
    let high = this.#versions.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#versions[middle]!.modRevision < revision) low = middle + 1;
      else high = middle;
    }
    return this.#base + low;
  }

  /** Drops everything before `revision`. */
  forgetBefore(revision: number): void {
    this.#head = this.placeOf(revision) - this.#base;
    if (this.#head < 1_024 || this.#head < this.#versions.length / 2) return;
    this.#versions = this.#versions.slice(this.#head);
    this.#base += this.#head;
    this.#head = 0;
  }

  /** Begins anew with what a restored state has. */
  rebuild(state: State): void {
    const versions: Version[] = [];
    state.forEachVersion({ key: '', end: '' }, (version) => {
      if (version.modRevision > state.compactedRevision) versions.push(version);
    });
    versions.sort((a, b) => a.modRevision - b.modRevision);
    this.#base = this.end;
    this.#versions = versions;
    this.#head = 0;
  }
}
