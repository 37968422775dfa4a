import { existsSync } from 'node:fs';
import { connect } from 'node:net';

/** Whether someone listens on a unix socket. */
export function acceptsConnections(path: string): Promise<boolean> {
  if (!existsSync(path)) return Promise.resolve(false);
  return new Promise((resolve) => {
    const socket = connect({ path });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
