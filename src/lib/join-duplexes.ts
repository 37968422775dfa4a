/** Makes two byte streams one: what comes out of either goes into the other, with back-pressure, until both are closed. */
import type { Duplex } from 'node:stream';

/** How long a side may take, once the other has gone, to read what is still on its way and to close. */
const lingerMs = 5_000;

/**
 * Resolves when both are closed, which follows from the closing of either. An end of one direction is passed on and leaves the other
 * open. Bytes that arrived before an end or a close are still delivered. Errors of a side are its end.
 */
export async function joinDuplexes(left: Duplex, right: Duplex): Promise<void> {
  await Promise.all([carry(left, right), carry(right, left)]);
}

function carry(from: Duplex, to: Duplex): Promise<void> {
  return new Promise((resolve) => {
    const finish = () => {
      leave(to);
      resolve();
    };
    from.on('error', () => from.destroy());
    if (from.destroyed) {
      finish();
      return;
    }
    from.pipe(to);
    from.once('close', finish);
  });
}

/**
 * Ends a side gently. To destroy a socket at once would throw away what it has not sent; to destroy one with unread input makes the
 * kernel reset the connection, upon which the peer throws away what it has not read.
 */
function leave(side: Duplex): void {
  if (side.destroyed) return;
  const timer = setTimeout(() => side.destroy(), lingerMs);
  side.once('close', () => clearTimeout(timer));
  side.unpipe();
  side.resume();
  side.once('end', () => side.end(() => side.destroy()));
  side.end();
}
