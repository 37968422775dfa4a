import { create } from '@bufbuild/protobuf';
import { expect, test } from 'vitest';
import { RaftMessageSchema } from '../../gen/trimast/raft/v1/raft_pb.ts';
import { type Entry, message } from '../core/types.ts';
import { messageFromWire, messageToWire } from './message-codec.ts';

const entry = (index: number, text: string): Entry => ({
  index,
  term: 2,
  kind: 'command',
  origin: 9,
  sequence: index,
  command: new Uint8Array(Buffer.from(text)),
});
const texts = (entries: readonly Entry[]) => {
  const sent = message({ type: 'append', from: 1, to: 2, term: 2, entries });
  const arrived = messageFromWire(create(RaftMessageSchema, messageToWire(sent)), 1, 2);
  return arrived!.entries.map(({ command }) => Buffer.from(command).toString());
};

test('what is sent again is sent right: runs that begin or end alike are not taken for each other', () => {
  const [a, b, c, other] = [entry(1, 'a'), entry(2, 'b'), entry(3, 'c'), entry(3, 'other')];
  expect(texts([a, b, c])).toEqual(['a', 'b', 'c']);
  expect(texts([a, b, c])).toEqual(['a', 'b', 'c']);
  expect(texts([a, b])).toEqual(['a', 'b']);
  expect(texts([b, c])).toEqual(['b', 'c']);
  expect(texts([a, b, other])).toEqual(['a', 'b', 'other']);
  expect(texts([])).toEqual([]);
  expect(texts([a])).toEqual(['a']);
});

test('a snapshot message carries the configuration, or none', () => {
  const configuration = {
    members: [{ id: 1, name: 'm1', address: 'a:1' }],
    incoming: [1],
    outgoing: [],
    learners: [],
  };
  for (const snapshot of [
    { index: 4, term: 2 },
    { index: 4, term: 2, configuration },
  ]) {
    const sent = message({ type: 'snapshot', from: 1, to: 2, term: 2, snapshot });
    expect(messageFromWire(create(RaftMessageSchema, messageToWire(sent)), 1, 2)!.snapshot).toEqual(snapshot);
  }
});
