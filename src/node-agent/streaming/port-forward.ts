/**
 * Port-forward: the client's SPDY session is carried, byte for byte, to the container runtime, which dials the ports inside the pod's
 * network namespace. Streams, their windows and their errors are between the client and the runtime.
 */
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/** Resolves when either side has gone; then both are. */
export async function joinConnections(client: Duplex, runtime: Duplex): Promise<void> {
  const ended = new AbortController();
  const direction = (from: Duplex, to: Duplex) =>
    pipeline(from, to, { signal: ended.signal }).then(
      () => undefined,
      () => ended.abort(),
    );
  await Promise.all([direction(client, runtime), direction(runtime, client)]);
  client.destroy();
  runtime.destroy();
}
