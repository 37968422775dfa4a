import { expect, test } from 'vitest';
import { emptyConfiguration, encodeConfiguration, initialConfiguration } from './core/configuration.ts';
import { ConfigurationHistory } from './core/configuration-history.ts';
import type { Configuration } from './core/types.ts';
import { PeerBook } from './peer-book.ts';

const peer = (id: number, port = 1) => ({ id, name: `m${id}`, address: `m${id}:${port}` });
const of = (...ids: number[]) => initialConfiguration(ids.map((id) => peer(id)));
const entry = (index: number, configuration: Configuration) => ({
  index,
  term: 1,
  kind: 'configuration' as const,
  origin: 0,
  sequence: 0,
  command: encodeConfiguration(configuration),
});

test('the first configuration counts as index 1, none as 0', () => {
  const book = new PeerBook(1);
  const joining = new ConfigurationHistory({ index: 0, configuration: emptyConfiguration });
  expect(book.update(joining, 0, 0)).toEqual({ peers: [], configurationIndex: 0 });
  const first = new ConfigurationHistory({ index: 0, configuration: of(1, 2) });
  expect(book.update(first, 0, 0)).toEqual({ peers: [peer(2)], configurationIndex: 1 });
  expect(book.update(first, 0, 1)).toBeUndefined();
});

test('new members and addresses are told when adopted, the index when committed', () => {
  const book = new PeerBook(1);
  const history = new ConfigurationHistory({ index: 0, configuration: of(1, 2) });
  book.update(history, 0, 0);
  history.append([entry(5, initialConfiguration([peer(1), peer(2, 7), peer(3)]))]);
  expect(book.update(history, 4, 1)).toEqual({ peers: [peer(2, 7), peer(3)], configurationIndex: 1 });
  expect(book.update(history, 5, 2)).toEqual({ peers: [peer(2, 7), peer(3)], configurationIndex: 5 });
});

test('who leaves stays reachable for a moment, and not when it comes back meanwhile', () => {
  const book = new PeerBook(1);
  const history = new ConfigurationHistory({ index: 0, configuration: of(1, 2, 3) });
  book.update(history, 0, 0);
  history.append([entry(5, of(1, 2))]);
  expect(book.update(history, 5, 10)?.peers).toEqual([peer(2), peer(3)]);
  expect(book.update(history, 5, 109)).toBeUndefined();
  expect(book.update(history, 5, 110)?.peers).toEqual([peer(2)]);
  history.append([entry(6, of(1))]);
  expect(book.update(history, 6, 111)?.peers).toEqual([peer(2)]);
  history.append([entry(7, of(1, 2))]);
  expect(book.update(history, 7, 112)?.peers).toEqual([peer(2)]);
  expect(book.update(history, 7, 500)).toBeUndefined();
});
