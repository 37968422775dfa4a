/**
 * Deals each flow a hand of queues by its hash: two flows share all of their queues only by a rare accident, so that a flow that floods its
 * hand leaves others at least one queue that is short. Pure.
 */
import { createHash } from 'node:crypto';

export function dealHand(flow: string, queues: number, handSize: number): number[] {
  let value = createHash('sha256').update(flow).digest().readBigUInt64BE(0);
  const hand: number[] = [];
  for (let dealt = 0; dealt < Math.min(handSize, queues); dealt++) {
    const left = BigInt(queues - dealt);
    let card = Number(value % left);
    value /= left;
    // The card counts among those that are left.
    for (const earlier of [...hand].sort((a, b) => a - b)) if (card >= earlier) card++;
    hand.push(card);
  }
  return hand;
}
