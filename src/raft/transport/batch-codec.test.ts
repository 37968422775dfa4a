/** The codec written by hand against the generated one, both ways, over arbitrary batches. */
import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { expect, test } from 'vitest';
import { ExchangeRequestSchema, ForwardRefusal_Reason } from '../../gen/trimast/raft/v1/raft_pb.ts';
import { Prng } from '../../lib/prng.ts';
import { type Entry, type Message, type MessageType, message } from '../core/types.ts';
import { encodeProposals, entryChecksum } from '../entry-codec.ts';
import type { Forward, ForwardRefusal } from '../node.ts';
import { decodeBatch, encodeBatch, type Received } from './batch-codec.ts';
import { helloTo } from './channel.ts';
import { messageToWire } from './message-codec.ts';

const types: readonly MessageType[] = [
  'append',
  'append-response',
  'heartbeat',
  'heartbeat-response',
  'pre-vote',
  'pre-vote-response',
  'vote',
  'vote-response',
  'timeout-now',
  'read-index',
  'read-index-response',
  'transfer-leader',
];
const [from, to] = [3, 5];

const pick = <T>(prng: Prng, all: readonly T[]): T => all[prng.uint32() % all.length]!;
/** Small, around the borders of a varint's bytes, and large. */
const number = (prng: Prng) => {
  const bits = prng.uint32() % 53;
  return Math.max(0, 2 ** bits + (prng.uint32() % 3) - 1);
};
const bytes = (prng: Prng) => Uint8Array.from({ length: prng.uint32() % 300 }, () => prng.uint32() & 255);
const some = <T>(prng: Prng, make: () => T) => Array.from({ length: prng.uint32() % 4 }, make);

function entry(prng: Prng, index: number): Entry {
  const body = { origin: number(prng), sequence: number(prng), command: bytes(prng) };
  return { index, term: number(prng), kind: 'command', ...body, checksum: entryChecksum(body) };
}

function randomMessage(prng: Prng): Message {
  const first = number(prng);
  return message({
    type: pick(prng, types),
    from,
    to,
    term: number(prng),
    index: number(prng),
    logTerm: number(prng),
    commit: number(prng),
    entries: Array.from({ length: prng.uint32() % 4 }, (_, position) => entry(prng, first + position)),
    reject: pick(prng, [true, false]),
    rejectHint: number(prng),
    context: number(prng),
    force: pick(prng, [true, false]),
    snapshot: pick(prng, [
      undefined,
      { index: number(prng) + 1, term: number(prng) },
      {
        index: 7,
        term: 2,
        configuration: { members: [{ id: 1, name: 'a', address: 'a:1' }], incoming: [1], outgoing: [], learners: [] },
      },
    ]),
  });
}

function randomBatch(prng: Prng): Received {
  return {
    messages: some(prng, () => randomMessage(prng)),
    forwards: some(
      prng,
      (): Forward => ({
        term: number(prng),
        origin: number(prng),
        attempt: number(prng),
        proposals: some(prng, () => ({ ...entry(prng, 0), term: 0 })),
      }),
    ),
    refusals: some(
      prng,
      (): ForwardRefusal => ({
        reason: pick(prng, ['not-leader', 'overloaded', 'refused']),
        origin: number(prng),
        attempt: number(prng),
        message: pick(prng, [undefined, 'nicht jetzt: „später“']),
      }),
    ),
  };
}

const reasonCodes = {
  'not-leader': ForwardRefusal_Reason.NOT_LEADER,
  overloaded: ForwardRefusal_Reason.OVERLOADED,
  refused: ForwardRefusal_Reason.REFUSED,
};

function generated({ messages, forwards, refusals }: Received) {
  const init: MessageInitShape<typeof ExchangeRequestSchema> = {
    message: {
      case: 'batch',
      value: {
        messages: messages.map(messageToWire),
        forwards: forwards.map(({ term, origin, attempt, proposals }) => ({
          term: BigInt(term),
          origin: BigInt(origin),
          attempt: BigInt(attempt),
          proposals: encodeProposals(proposals),
        })),
        refusals: refusals.map(({ reason, origin, attempt, message: text }) => ({
          reason: reasonCodes[reason],
          origin: BigInt(origin),
          attempt: BigInt(attempt),
          message: text ?? '',
        })),
      },
    },
  };
  return create(ExchangeRequestSchema, init);
}

/** Views become arrays of their own, so that only content is compared. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array || Array.isArray(value)) return Array.from(value, plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, plain(one)]));
}

test('what it writes, the generated code reads, and the other way round', () => {
  for (let seed = 1; seed <= 300; seed++) {
    const batch = randomBatch(new Prng(seed));
    const expected = generated(batch);
    expect(plain(fromBinary(ExchangeRequestSchema, encodeBatch(batch)))).toEqual(plain(expected));
    const decoded = decodeBatch(toBinary(ExchangeRequestSchema, expected), from, to);
    expect(plain(decoded)).toEqual(plain(batch));
  }
});

test('a Hello is no batch', () => {
  const self = { clusterId: 'c', memberId: 1, name: 'm', address: 'a:1', configurationIndex: 4 };
  const hello = create(ExchangeRequestSchema, { message: { case: 'hello', value: helloTo(self, 2) } });
  const encoded = toBinary(ExchangeRequestSchema, hello);
  expect(decodeBatch(encoded, 1, 2)).toBeUndefined();
});

test('types and fields of a newer version are skipped; a batch that is cut short is refused', () => {
  const known = generated({ messages: [message({ type: 'vote', from, to, term: 9 })], forwards: [], refusals: [] });
  const newer = generated({ messages: [message({ type: 'vote', from, to, term: 9 })], forwards: [], refusals: [] });
  const value = newer.message.value as { messages: { type: number }[] };
  value.messages[0]!.type = 99;
  expect(decodeBatch(toBinary(ExchangeRequestSchema, newer), from, to)?.messages).toEqual([]);
  const encoded = Buffer.from(toBinary(ExchangeRequestSchema, known));
  const unknownField = Buffer.from([0xf8, 0x01, 0x05]);
  expect(decodeBatch(Buffer.concat([unknownField, encoded]), from, to)?.messages).toHaveLength(1);
  for (let length = 1; length < encoded.length; length++)
    expect(() => decodeBatch(encoded.subarray(0, length), from, to)).toThrow();
});
