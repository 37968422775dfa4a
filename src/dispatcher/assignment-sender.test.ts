import { status } from '@grpc/grpc-js';
import { expect, it } from 'vitest';
import { AssignmentSender } from './assignment-sender.ts';
import type { Item } from './items.ts';
import { maxPendingItems } from './limits.ts';

function sender() {
  const sent: { items: string[]; revision: number }[] = [];
  const failures: unknown[] = [];
  const source = { revision: 1, ready: () => Promise.resolve(), resolve: () => Buffer.from('{}') };
  let drain = (): void => undefined;
  const abort = new AbortController();
  const assignments = new AssignmentSender({
    nodeName: 'n',
    source,
    signal: abort.signal,
    send(changes, revision) {
      sent.push({ items: changes.map((change) => change.name), revision });
      return new Promise((resolve) => (drain = resolve));
    },
    fail: (error) => failures.push(error),
  });
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  /** The stream takes what was sent, and the sender goes on. */
  const taken = async () => {
    drain();
    await turn();
    await turn();
  };
  return { assignments, sent, failures, source, turn, drain: taken };
}

it('what changes many times while the stream is busy is sent once', async () => {
  const { assignments, sent, drain, turn, source } = sender();
  assignments.begin(['pods/ns/a']);
  await turn();
  for (let i = 0; i < 100; i++) for (const name of ['a', 'b']) assignments.touch(`pods/ns/${name}`);
  expect(sent).toEqual([{ items: ['a'], revision: 1 }]);
  source.revision = 7;
  await drain();
  expect(sent.slice(1)).toEqual([{ items: ['a', 'b'], revision: 7 }]);
});

it('what changes in one turn of the event loop travels in one message', async () => {
  const { assignments, sent, drain, turn } = sender();
  assignments.begin([]);
  await turn();
  await drain();
  assignments.touch('pods/ns/a');
  assignments.touch('secrets/ns/b');
  await turn();
  await drain();
  expect(sent.slice(1)).toEqual([{ items: ['a', 'b'], revision: 1 }]);
});

it('nothing is sent before the session begins, and then what the set lacked', async () => {
  const { assignments, sent, drain, turn } = sender();
  assignments.touch('pods/ns/late');
  await turn();
  expect(sent).toEqual([]);
  assignments.begin([]);
  await turn();
  await drain();
  expect(sent).toEqual([
    { items: [], revision: 1 },
    { items: ['late'], revision: 1 },
  ]);
});

it('a quiet session is told of progress once', async () => {
  const { assignments, sent, drain, turn, source } = sender();
  assignments.begin([]);
  await turn();
  await drain();
  assignments.progress();
  source.revision = 5;
  assignments.progress();
  await turn();
  await drain();
  assignments.progress();
  await turn();
  expect(sent.map(({ revision }) => revision)).toEqual([1, 5]);
});

it('an agent that falls too far behind is cut off', async () => {
  const { assignments, failures, turn } = sender();
  assignments.begin(['pods/ns/first']);
  await turn();
  for (let i = 0; i <= maxPendingItems; i++) assignments.touch(`pods/ns/${i}` as Item);
  expect(failures).toMatchObject([{ code: status.RESOURCE_EXHAUSTED }]);
});
