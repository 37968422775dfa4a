/**
 * Watches a range from a revision on, wherever it can, and goes on elsewhere where it was cut off. It must see every event of its range exactly
 * once and in order, and nothing after it has cancelled.
 */
import { StoreError, type Watch, type WatchEvent } from '../../src/store/types.ts';
import { sameEvent } from '../checkers/store-model.ts';
import type { Life, Member } from '../process/member.ts';
import type { World } from '../world.ts';

export class Watcher {
  readonly #world: World;
  readonly #name: string;
  readonly #range: { key: string; end?: string };
  /** The first revision that it has not seen. */
  nextRevision = 1;
  #open: { watch: Watch; member: Member; life: Life } | undefined;
  #among: readonly Member[] | undefined;
  /** Where it watches or is about to. */
  #at: { readonly member: Member; leave(): void } | undefined;
  seen = 0;

  constructor(world: World, name: string, range: { key: string; end?: string }) {
    this.#world = world;
    this.#name = name;
    this.#range = range;
  }

  begin(): void {
    this.#later(1, () => this.#connect());
  }

  /** From now on it watches one of these. */
  moveTo(members: readonly Member[]): void {
    this.#among = members;
    const open = this.#open;
    open?.life.api.enter(() => open.watch.resume());
    if (!this.#at || members.includes(this.#at.member)) return;
    open?.life.api.enter(() => open.watch.cancel());
    this.#at.leave();
  }

  /** Everything is calm and applied everywhere: it must be in step. */
  checkComplete(): void {
    const { model } = this.#world;
    if (!this.#open) this.#violation('could not be opened although all is well');
    const missed = model.eventsOf(this.#range, this.nextRevision, model.revision);
    if (missed.length > 0)
      this.#violation(`never heard of ${missed[0]!.type} ${missed[0]!.key} at revision ${missed[0]!.revision}`);
  }

  #later(delayMs: number, run: () => void): void {
    this.#world.events.at(delayMs, () => this.#world.attempt(run));
  }

  #connect(): void {
    const { prng } = this.#world;
    const { leftBehind } = this.#world.nemesis;
    const near = leftBehind && prng.chance(0.7) ? leftBehind : undefined;
    const member = this.#among ? prng.pick(this.#among) : (near ?? this.#world.contact());
    const { life } = member;
    if (!life?.serving) {
      this.#later(20, () => this.#connect());
      return;
    }
    let over = false;
    const again = (delayMs: number) => {
      if (over) return;
      over = true;
      this.#open = undefined;
      this.#at = undefined;
      this.#later(delayMs, () => this.#connect());
    };
    const leave = () => {
      this.#open?.watch.cancel();
      again(1);
    };
    this.#at = { member, leave };
    member.onCrash(() => again(5));
    life.api.enter(() => {
      if (over) return;
      try {
        const watch = life.store.watch(
          { ...this.#range, startRevision: this.nextRevision },
          {
            onEvents: (events, revision) => {
              if (over) this.#violation(`was told of events up to ${revision} after it had cancelled`);
              this.#events(member, events, revision);
            },
            onClose: (error) => {
              if (over) this.#violation('was closed after it had cancelled');
              this.#closed(member, life, error);
              again(5);
            },
          },
        );
        this.#open = { watch, member, life };
        // Some change their mind at once; the others do not stay on the same member for ever.
        if (this.#world.faults && prng.chance(0.15)) {
          watch.cancel();
          again(prng.integer(1, 20));
        } else if (this.#world.faults)
          life.api.at(prng.integer(50, 1_500), () => {
            if (over || !this.#world.faults) return;
            watch.cancel();
            again(prng.integer(1, 60));
          });
        // Some cannot take more for a while.
        if (this.#world.faults && prng.chance(0.2)) {
          watch.pause();
          life.api.at(prng.integer(20, 300), () => watch.resume());
        }
      } catch (error) {
        this.#closed(member, life, error);
        again(5);
      }
    });
  }

  #events(member: Member, events: readonly WatchEvent[], revision: number): void {
    let expected = this.#world.model.eventsOf(this.#range, this.nextRevision, revision);
    // Of what came with a snapshot, the order within one revision is that of the keys.
    const { restoredRevision } = member;
    if (this.nextRevision <= restoredRevision)
      expected = expected.sort(
        (a, b) =>
          a.revision - b.revision ||
          (a.revision > restoredRevision ? 0 : Buffer.compare(Buffer.from(a.key), Buffer.from(b.key))),
      );
    for (let at = 0; at < Math.max(events.length, expected.length); at++) {
      const [found, wanted] = [events[at], expected[at]];
      if (found && wanted && sameEvent(found, wanted)) continue;
      const shown = found ? `${found.type} ${found.current.key}@${found.current.modRevision}` : 'nothing more';
      const due = wanted ? `${wanted.type} ${wanted.key}@${wanted.revision}` : 'nothing more';
      this.#violation(`on member ${member.id}, from revision ${this.nextRevision}, got ${shown} where ${due} belongs`);
    }
    this.nextRevision = Math.max(this.nextRevision, revision + 1);
    this.seen += events.length;
  }

  #closed(member: Member, life: Life, error: unknown): void {
    if (!(error instanceof StoreError)) throw error;
    if (error.code !== 'compacted' && error.code !== 'slow' && error.code !== 'unavailable') throw error;
    if (error.code === 'unavailable') return;
    const { compactedRevision } = life.store;
    if (error.code === 'compacted' && this.nextRevision > compactedRevision)
      this.#violation(
        `member ${member.id} refuses revision ${this.nextRevision} as compacted, but it compacted up to ${compactedRevision}`,
      );
    // As a client does: a new list, and on from there.
    this.nextRevision = Math.max(this.nextRevision, compactedRevision + 1);
  }

  #violation(detail: string): never {
    return this.#world.violation('watches', `${this.#name} ${detail}`);
  }
}
