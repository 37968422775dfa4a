/**
 * Where a nemesis opens a window in which somebody could answer wrongly (an old leader that does not know, a new one that does not know yet), the
 * prober reads there, again and again, while it writes through the others: chance would seldom do both in time.
 */
import type { Member } from '../process/member.ts';
import type { World } from '../world.ts';
import { call } from './connection.ts';

const timeoutMs = 150;

export class Prober {
  readonly #world: World;
  #count = 0;

  constructor(world: World) {
    this.#world = world;
  }

  /** Reads at `suspect` and writes elsewhere for a while, every `everyMs`. */
  probe(suspect: Member, durationMs: number, everyMs: number): void {
    const { events, members, prng } = this.#world;
    const others = members.filter((member) => member !== suspect && member.running);
    for (let atMs = 0; atMs < durationMs; atMs += everyMs) {
      events.at(atMs, () => this.#read(suspect));
      if (others.length > 0) events.at(atMs, () => this.#write(prng.pick(others)));
    }
  }

  #read(member: Member): void {
    const world = this.#world;
    if (!world.faults || !member.life?.serving) return;
    const floor = world.acknowledgedRevision;
    call(
      world,
      member,
      timeoutMs,
      async ({ store }) => {
        await store.linearizable({ timeoutMs });
        return store.revision;
      },
      (answer) => {
        if (answer.type === 'answer' && answer.value < floor)
          world.violation(
            'linearizable reads',
            `member ${member.id} read at revision ${answer.value}, ${floor} was acknowledged before`,
          );
      },
    );
  }

  #write(member: Member): void {
    const world = this.#world;
    if (!world.faults || !member.life?.serving) return;
    const value = `probe.${++this.#count}`;
    const success = [{ type: 'put', key: 'probe', value: Buffer.from(value) } as const];
    call(
      world,
      member,
      timeoutMs,
      ({ store }) => store.transact({ compare: [], success }, { timeoutMs }),
      (answer) => {
        if (answer.type === 'answer') world.acknowledged(answer.value.revision);
      },
    );
  }
}
