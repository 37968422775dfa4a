import { expect, test } from 'vitest';
import { type Header, HpackDecoder, HpackError, ResponseHeaders } from './hpack.ts';

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');
const decoder = () => new HpackDecoder<readonly Header[]>((headers) => headers);

test('requests with Huffman code and a growing table (RFC 7541, C.4)', () => {
  const one = decoder();
  expect(one.decode(hex('8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff'))).toEqual([
    [':method', 'GET'],
    [':scheme', 'http'],
    [':path', '/'],
    [':authority', 'www.example.com'],
  ]);
  expect(one.decode(hex('8286 84be 5886 a8eb 1064 9cbf')).slice(3)).toEqual([
    [':authority', 'www.example.com'],
    ['cache-control', 'no-cache'],
  ]);
  expect(one.decode(hex('8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf')).at(-1)).toEqual([
    'custom-key',
    'custom-value',
  ]);
});

test('a block that refers to the table is read anew when the table has changed', () => {
  const one = decoder();
  const block = hex('be');
  one.decode(hex('40 01 61 01 31'));
  expect([one.decode(block), one.decode(block)]).toEqual([[['a', '1']], [['a', '1']]]);
  one.decode(hex('40 01 62 01 32'));
  expect(one.decode(block)).toEqual([['b', '2']]);
});

test.each([
  ['an index beyond the table', 'ff 80 01'],
  ['index 0', '80'],
  ['a string that ends too early', '40 05 61'],
  ['Huffman padding of zeros', '40 01 61 81 00'],
  ['a table that is larger than agreed', '3f e2 1f'],
  ['a number without an end', 'ff ff ff ff ff ff ff ff'],
])('%s ends the connection', (_what, block) => {
  expect(() => decoder().decode(hex(block))).toThrow(HpackError);
});

test('headers that are too long are refused', () => {
  const one = decoder();
  one.decode(Buffer.concat([hex('40 01 61 7f 81 1e'), Buffer.alloc(0x7f + 0x81 - 0x80 + 0x1e * 128, 0x78)]));
  expect(() => one.decode(Buffer.alloc(64, 0xbe))).toThrow('headers of more than');
});

test('answers: the second time is two bytes and one, also when the first ones were errors', () => {
  const client = decoder();
  const headers = new ResponseHeaders();
  const expected: Header[] = [
    [':status', '200'],
    ['content-type', 'application/grpc'],
  ];
  expect(client.decode(headers.head())).toEqual(expected);
  expect(client.decode(headers.head())).toEqual(expected);
  expect(client.decode(headers.trailersError(5, 'no such thing'))).toEqual([
    ['grpc-status', '5'],
    ['grpc-message', 'no such thing'],
  ]);
  expect(client.decode(headers.trailersOk())).toEqual([['grpc-status', '0']]);
  const [head, trailers] = [headers.head(), headers.trailersOk()];
  expect([client.decode(head), client.decode(trailers)]).toEqual([expected, [['grpc-status', '0']]]);
  expect([head.length, trailers.length]).toEqual([2, 1]);
});

test('a client without a table gets literals', () => {
  const client = decoder();
  const headers = new ResponseHeaders();
  client.decode(headers.head());
  headers.disableTable();
  for (const _ of [1, 2]) {
    expect(client.decode(headers.head())).toContainEqual(['content-type', 'application/grpc']);
    expect(client.decode(headers.trailersOk())).toEqual([['grpc-status', '0']]);
  }
});
