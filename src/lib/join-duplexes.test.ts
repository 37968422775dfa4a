import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { joinDuplexes } from './join-duplexes.ts';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** Both ends of one TCP connection. */
async function connection(allowHalfOpen: boolean): Promise<{ near: Socket; far: Socket }> {
  const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const near = connect({ port, host: '127.0.0.1', allowHalfOpen });
  const [far] = await once(server, 'connection');
  return { near, far };
}

async function readAll(socket: Socket): Promise<number> {
  let bytes = 0;
  socket.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
  });
  await once(socket, 'end');
  return bytes;
}

const payload = Buffer.alloc(3_000_000, 'x');

test('everything sent before a close is delivered, also to a side that keeps sending', async () => {
  const client = await connection(true);
  const agent = await connection(false);
  const joined = joinDuplexes(client.near, agent.near);
  client.far.write('input that nobody reads');
  agent.far.end(payload, () => agent.far.resume());
  expect(await readAll(client.far)).toBe(payload.length);
  client.far.end();
  await joined;
  expect([client.near.destroyed, agent.near.destroyed]).toEqual([true, true]);
});

test('an end of one direction leaves the other open', async () => {
  const client = await connection(true);
  const agent = await connection(true);
  const joined = joinDuplexes(client.near, agent.near);
  client.far.end('question');
  expect(await readAll(agent.far)).toBe('question'.length);
  agent.far.end('answer');
  expect(await readAll(client.far)).toBe('answer'.length);
  await joined;
});

test('a reset of one side closes the other', async () => {
  const client = await connection(true);
  const agent = await connection(true);
  const joined = joinDuplexes(client.near, agent.near);
  agent.far.resume();
  client.far.resetAndDestroy();
  await once(agent.far, 'end');
  agent.far.end();
  await joined;
});
