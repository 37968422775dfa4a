/** What anybody may send: strict reading, and any bytes at all. */
import packet from 'dns-packet';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readUpstreamAnswer } from './forward/upstream-message.ts';
import { headerBytes, parseQuery } from './query.ts';
import { object, question, show, TestCluster } from './testing/cluster.ts';

const cluster = new TestCluster([
  ['namespaces', object('', 'default', {})],
  ['services', object('default', 'web', { spec: { clusterIP: '10.96.0.7' } })],
]);
const good = () => question('web.default.svc.cluster.local', 'A', 1_232);
const changed = (offset: number, value: number) => {
  const bytes = good();
  bytes[offset] = value;
  return bytes;
};
const answerOf = async (bytes: Buffer) => {
  const answer = await cluster.raw(bytes);
  return answer && show(packet.decode(answer));
};

describe('a question', () => {
  it('that is no question is dropped', async () => {
    expect(await answerOf(good().subarray(0, 11))).toBeUndefined();
    expect(await answerOf(changed(2, 0x81)), 'an answer').toBeUndefined();
    expect(await answerOf(Buffer.concat([good(), Buffer.alloc(2_000)]))).toBeUndefined();
  });

  it.each([
    ['another opcode', changed(2, 0x28), 'NOTIMP'],
    ['two questions', changed(5, 2), 'FORMERR'],
    ['no question', changed(5, 0), 'FORMERR'],
    ['an answer section', changed(7, 1), 'FORMERR'],
    ['a compressed name', changed(headerBytes, 0xc0), 'FORMERR'],
    ['a label of 64 bytes', changed(headerBytes, 64), 'FORMERR'],
    ['cut off', good().subarray(0, 20), 'FORMERR'],
    ['more after its end', Buffer.concat([good(), Buffer.from([0])]), 'FORMERR'],
    ['200 additional records', changed(11, 200), 'FORMERR'],
    ['class CHAOS', changed(good().length - 12, 3), 'REFUSED'],
  ])('with %s is answered %s', async (_what, bytes, expected) => {
    expect(await answerOf(bytes)).toBe(expected);
  });

  it('with EDNS of a later version is told so', async () => {
    const bytes = await cluster.raw(changed(good().length - 5, 1));
    const { rcode, additionals } = packet.decode(bytes!) as ReturnType<typeof packet.decode> & { rcode: string };
    expect({ rcode, extended: (additionals![0] as { extendedRcode: number }).extendedRcode }).toEqual({
      rcode: 'NOERROR',
      extended: 1,
    });
  });

  it('may have a name of 255 bytes, and no longer one', async () => {
    const label = 'a'.repeat(63);
    const name = (last: number) => [label, label, label, 'b'.repeat(last)].join('.');
    const read = (last: number) => parseQuery(question(name(last), 'A')).kind;
    expect([read(61), read(62)]).toEqual(['query', 'refuse']);
  });

  it('of any bytes gets at most one answer, never longer than UDP may be, and breaks nothing', async () => {
    await fc.assert(
      fc.asyncProperty(anyMessage(), async (bytes) => {
        const answer = await cluster.raw(bytes);
        if (answer === undefined) return;
        expect(answer.length).toBeLessThanOrEqual(1_232);
        expect(answer.readUInt16BE(0)).toBe(bytes.readUInt16BE(0));
        packet.decode(answer);
      }),
      { numRuns: 2_000 },
    );
    expect(await answerOf(good())).toBe('NOERROR aa: web.default.svc.cluster.local A 10.96.0.7');
  });
});

describe("another server's answer", () => {
  const asked = question('example.org', 'A').subarray(headerBytes);
  const answer = () =>
    packet.encode({
      type: 'response',
      id: 7,
      questions: [{ type: 'A', name: 'example.org' }],
      answers: [
        { type: 'A', name: 'example.org', ttl: 300, data: '192.0.2.1' },
        { type: 'A', name: 'example.org', ttl: 60, data: '192.0.2.2' },
      ],
    });

  it('holds as long as its shortest record', () => {
    expect(readUpstreamAnswer(answer(), 7, asked)).toMatchObject({ rcode: 0, ttl: 60, truncated: false });
  });

  it('that something is missing holds as long as its SOA says, and not at all without', () => {
    const negative = (authorities: packet.Packet['authorities']) =>
      readUpstreamAnswer(
        packet.encode({
          type: 'response',
          id: 7,
          flags: 3,
          questions: [{ type: 'A', name: 'example.org' }],
          ...(authorities && { authorities }),
        }),
        7,
        asked,
      );
    const data = { mname: 'a', rname: 'b', serial: 1, refresh: 1, retry: 1, expire: 1, minimum: 20 };
    expect(negative([{ type: 'SOA', name: 'org', ttl: 900, data }])).toMatchObject({ rcode: 3, ttl: 20 });
    expect(negative(undefined)).toMatchObject({ rcode: 3, ttl: 0 });
  });

  it('to another question, with another id, or no answer at all is none', () => {
    expect(readUpstreamAnswer(answer(), 8, asked)).toBeUndefined();
    expect(readUpstreamAnswer(answer(), 7, question('example.com', 'A').subarray(headerBytes))).toBeUndefined();
    expect(readUpstreamAnswer(question('example.org', 'A'), 7, asked)).toBeUndefined();
    expect(readUpstreamAnswer(answer().subarray(0, 50), 7, asked)).toBeUndefined();
  });

  it('of any bytes is read or not, and breaks nothing', () => {
    fc.assert(
      fc.property(mutated(answer()), (bytes) => {
        const read = readUpstreamAnswer(bytes, 7, asked);
        for (const offset of read?.ttlOffsets ?? []) expect(offset + 4).toBeLessThanOrEqual(bytes.length);
      }),
      { numRuns: 5_000 },
    );
  });
});

function anyMessage() {
  const anyBytes = fc.uint8Array({ maxLength: 600 }).map((bytes) => Buffer.from(bytes));
  return fc.oneof(anyBytes, mutated(good()));
}

function mutated(bytes: Buffer) {
  const edit = fc.tuple(fc.nat(bytes.length - 1), fc.nat(255));
  return fc.tuple(fc.array(edit, { maxLength: 6 }), fc.nat(bytes.length)).map(([edits, cut]) => {
    const copy = Buffer.from(bytes);
    for (const [offset, value] of edits) copy[offset] = value;
    return cut % 5 === 0 ? copy.subarray(0, cut) : copy;
  });
}
