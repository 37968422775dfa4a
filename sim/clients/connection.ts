/** A client's way to one member: requests and answers take time, get lost with the member, and nobody waits for ever. */
import type { Life, Member } from '../process/member.ts';
import type { World } from '../world.ts';

/** `refused`: it certainly did not begin. `unknown`: no answer. */
export type Answer<T> =
  | { readonly type: 'answer'; readonly value: T }
  | { readonly type: 'error'; readonly error: unknown }
  | { readonly type: 'refused' }
  | { readonly type: 'unknown' };

/** `work` runs in the member's API thread. `answered` is called once. */
export function call<T>(
  world: World,
  member: Member,
  timeoutMs: number,
  work: (life: Life) => Promise<T>,
  answered: (answer: Answer<T>) => void,
): void {
  const { events, prng } = world;
  let ended = false;
  let forget = (): void => undefined;
  const end = (answer: Answer<T>) => {
    if (ended) return;
    ended = true;
    forget();
    world.attempt(() => answered(answer));
  };
  const wayMs = () => prng.integer(0, 2);
  events.at(wayMs(), () => {
    const { life } = member;
    if (!life?.serving) {
      events.at(wayMs(), () => end({ type: 'refused' }));
      return;
    }
    forget = member.onCrash(() => events.at(1, () => end({ type: 'unknown' })));
    events.at(timeoutMs, () => end({ type: 'unknown' }));
    life.api.enter(() => {
      work(life).then(
        (value) => events.at(wayMs(), () => end({ type: 'answer', value })),
        (error: unknown) => events.at(wayMs(), () => end({ type: 'error', error })),
      );
    });
  });
}
