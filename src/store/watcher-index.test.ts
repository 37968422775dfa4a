import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { covers } from './command.ts';
import { prefixEnd, type WatchRequest } from './types.ts';
import { WatcherIndex } from './watcher-index.ts';

const key = fc.string({ maxLength: 3, unit: fc.constantFrom('a', 'b', '\u00ff') });
const request: fc.Arbitrary<WatchRequest> = fc
  .tuple(
    fc.oneof(
      key.map((only) => ({ key: only })),
      key.map((prefix) => ({ key: prefix, end: prefixEnd(prefix) })),
      fc.tuple(key, key).map(([from, end]) => ({ key: from, end })),
    ),
    fc.record({ noPut: fc.boolean(), noDelete: fc.boolean() }),
  )
  .map(([range, filters]) => ({ ...range, filters }));

it('every key finds just the watchers whose range has it, while they come and go', async () => {
  await fc.assert(
    fc.property(fc.array(fc.tuple(request, fc.nat()), { maxLength: 60 }), fc.array(key), (steps, keys) => {
      const index = new WatcherIndex<number>();
      const watchers = new Map<number, WatchRequest>();
      for (const [i, [wanted, pick]] of steps.entries()) {
        index.add(wanted, i);
        watchers.set(i, wanted);
        const gone = [...watchers.keys()][pick % (2 * watchers.size)];
        if (gone === undefined) continue;
        index.delete(watchers.get(gone)!, gone);
        watchers.delete(gone);
      }
      for (const one of keys) {
        const found: number[] = [];
        index.forEachGroup(one, ({ filters, watchers: group }) => {
          for (const watcher of group) {
            expect(watchers.get(watcher)!.filters).toEqual(filters);
            found.push(watcher);
          }
        });
        const expected = [...watchers].filter(([, range]) => covers(range, one)).map(([watcher]) => watcher);
        expect(found.sort((a, b) => a - b)).toEqual(expected);
      }
    }),
  );
});
