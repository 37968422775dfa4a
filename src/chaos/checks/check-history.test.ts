/** Every check is shown a history that is fine and histories with one thing wrong; each wrong thing must be found. */
import { expect, test } from 'vitest';
import { inputOf } from '../history.ts';
import type { RecordedList, RecordedOperation, Request, WatchedEvent } from '../types.ts';
import type { WatchLog } from '../watchers.ts';
import { checkHistory, type RunHistory } from './check-history.ts';

function operation(
  key: string,
  request: Request,
  times: readonly [startMs: number, endMs: number],
  rest: Partial<RecordedOperation> = {},
): RecordedOperation {
  const outcome = rest.outcome ?? 'done';
  const [call, endMs] = times;
  return {
    client: 'c0',
    via: 'lb',
    key,
    type: request.type,
    input: inputOf(key, request),
    ...(outcome === 'done' && { output: { succeeded: true } }),
    call,
    return: outcome === 'unknown' ? undefined : endMs,
    endMs,
    outcome,
    ...('value' in request && { value: request.value }),
    ...rest,
  };
}

const write = (key: string, value: string, revision: number, startMs: number, endMs = startMs + 1) =>
  operation(key, { type: 'create', value }, [startMs, endMs], { revision });

const read = (key: string, value: string, revision: number, startMs: number) =>
  operation(key, { type: 'read' }, [startMs, startMs + 1], { output: { values: [value] }, revision });

const watchLog = (events: readonly WatchedEvent[], via = 'lb'): WatchLog => ({
  via,
  fromRevision: 10,
  events: [...events],
  resumptions: 0,
});

const event = (key: string, value: string | undefined, revision: number): WatchedEvent => ({ key, value, revision });

const events = [event('a', 'v1', 11), event('b', 'v2', 12), event('a', 'v3', 13), event('b', undefined, 14)];
const held = (value: string, revision: number) => ({ value, revision });
const list = (revision: number, items: RecordedList['listing']['items'], startMs: number): RecordedList => ({
  via: 'lb',
  startMs,
  endMs: startMs + 1,
  listing: { revision, items },
});

const good: RunHistory = {
  operations: [
    write('a', 'v1', 11, 0),
    write('b', 'v2', 12, 2),
    operation('a', { type: 'compare-and-set', expected: held('v1', 11), value: 'v3' }, [4, 5], { revision: 13 }),
    operation('b', { type: 'delete' }, [6, 7]),
    read('a', 'v3', 13, 8),
    operation('a', { type: 'create', value: 'v4' }, [10, 11], { output: { succeeded: false } }),
    operation('a', { type: 'update', value: 'v5' }, [10, 11], { outcome: 'refused' }),
    operation('a', { type: 'update', value: 'v6' }, [10, 99], { outcome: 'unknown' }),
  ],
  lists: [
    list(
      12,
      new Map([
        ['a', held('v1', 11)],
        ['b', held('v2', 12)],
      ]),
      3.1,
    ),
    list(14, new Map([['a', held('v3', 13)]]), 7.5),
  ],
  watches: [watchLog(events), watchLog(events, 'master-1')],
};

const failing = (history: RunHistory) =>
  checkHistory(history)
    .filter((check) => !check.ok)
    .map((check) => check.name);

test('a history that is fine passes every check', () => {
  expect(checkHistory(good).flatMap((check) => check.findings)).toEqual([]);
});

test.each<[string, Partial<RunHistory>, string]>([
  [
    'a read that comes too late sees an old value',
    { operations: [...good.operations, read('a', 'v1', 11, 20)] },
    'linearizable',
  ],
  [
    'a list that shows an old value after a new one was acknowledged',
    { lists: [...good.lists, list(14, new Map([['a', held('v1', 11)]]), 30)] },
    'linearizable',
  ],
  [
    'a write with a revision below one answered before',
    { operations: [...good.operations, write('c', 'v7', 9, 20)] },
    'revisions follow real time',
  ],
  [
    'a list below a revision answered before',
    {
      lists: [
        list(
          12,
          new Map([
            ['a', held('v1', 11)],
            ['b', held('v2', 12)],
          ]),
          30,
        ),
      ],
    },
    'revisions follow real time',
  ],
  [
    'an acknowledged write that no watcher saw',
    { operations: [...good.operations, write('c', 'v7', 15, 20)] },
    'no acknowledged write lost',
  ],
  [
    'an acknowledged write that is another at its revision',
    { operations: [...good.operations, write('b', 'v7', 13, 4, 9)] },
    'no acknowledged write lost',
  ],
  [
    'a refused write that happened',
    { watches: [watchLog([...events, event('a', 'v5', 15)])] },
    'what was refused did not happen',
  ],
  [
    'a write whose condition did not hold happened',
    { watches: [watchLog([...events, event('a', 'v4', 15)])] },
    'what was refused did not happen',
  ],
  [
    'a write that happened twice',
    { watches: [watchLog([...events, event('a', 'v6', 15), event('a', 'v6', 16)])] },
    'what was refused did not happen',
  ],
  [
    'a write that nobody made',
    { watches: [watchLog([...events, event('a', 'v99', 15)])] },
    'what was refused did not happen',
  ],
  [
    'a watcher that missed an event',
    { watches: [watchLog(events), watchLog(events.slice(1), 'master-1')] },
    'watches complete and in order',
  ],
  [
    'a watcher that saw events out of order',
    { watches: [watchLog([events[1]!, events[0]!, ...events.slice(2)])] },
    'watches complete and in order',
  ],
  [
    'a watcher that saw an event twice',
    { watches: [watchLog([...events, events[3]!])] },
    'watches complete and in order',
  ],
  [
    'watchers that saw different events at a revision',
    { watches: [watchLog(events), watchLog([...events.slice(0, 3), event('a', undefined, 14)], 'master-1')] },
    'watches complete and in order',
  ],
  [
    'a list that is no snapshot',
    {
      lists: [
        list(
          13,
          new Map([
            ['a', held('v1', 11)],
            ['b', held('v2', 12)],
          ]),
          4.5,
        ),
      ],
    },
    'lists are snapshots',
  ],
])('%s is found', (_, change, name) => {
  expect(failing({ ...good, ...change })).toContain(name);
});
