/**
 * One row for each kind that is not tested in a file of its own: a valid object, what defaults make of it, what is refused where and why, and what
 * may not change. Causes are `field reason`, as in a Status.
 */
import { describe, expect, test } from 'vitest';
import type { KubernetesObject } from '../types.ts';
import { causes, create, registry, update } from './testing/harness.ts';
import { type Parts, rows } from './testing/rows.ts';

describe.each(rows.map((row) => [row.kind, row] as const))('%s', (_, row) => {
  const definition = registry.definitions.find(({ kind }) => kind === row.kind.split(' ').at(-1));
  const metadata = {
    name: row.name ?? 'a',
    uid: 'u1',
    ...(definition?.namespaced && { namespace: 'default' }),
  };
  const object = (parts: Parts = {}): KubernetesObject => ({ metadata, ...row.valid, ...parts });

  test('a valid object gets its defaults', () => {
    expect(causes(row.kind, object())).toEqual([]);
    expect(create(row.kind, object())).toMatchObject(row.stored ?? {});
  });

  test.each(row.invalid.map(([parts, ...wanted]) => [JSON.stringify(parts).slice(0, 100), parts, wanted] as const))(
    'is refused: %s',
    (_, parts, wanted) => {
      expect(causes(row.kind, object(parts))).toEqual(wanted);
    },
  );

  test('what is fixed is fixed', () => {
    for (const [parts, ...fields] of row.fixed ?? []) {
      const changed = update(row.kind, object(), (current) => {
        const wanted = create(row.kind, object(parts));
        for (const key of Object.keys(parts)) current[key] = wanted[key];
      });
      expect(changed.fields, JSON.stringify(parts)).toEqual(fields);
    }
  });
});
