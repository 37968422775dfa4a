import { expect, it } from 'vitest';
import type { TypedObject } from '../api/types.ts';
import { type NetworkChange, NetworkView, type ToldObject } from './view.ts';

const told = (resource: string, name: string, resourceVersion?: number): ToldObject => ({
  resource,
  key: `default/${name}`,
  object:
    resourceVersion === undefined
      ? undefined
      : ({ metadata: { namespace: 'default', name, resourceVersion: String(resourceVersion) } } as TypedObject),
});

function recorded(view: NetworkView) {
  const seen: { text: string; complete: boolean }[] = [];
  const show = ({ resource, key, old, object }: NetworkChange) =>
    `${resource} ${key} ${old?.metadata?.resourceVersion ?? '-'}>${object?.metadata?.resourceVersion ?? '-'}`;
  view.subscribe((changes, complete) => seen.push({ text: changes.map(show).join(', '), complete }));
  return seen;
}

it('tells each message as one change, and that a set is complete with its last', () => {
  const view = new NetworkView();
  const seen = recorded(view);
  view.begin(true);
  view.apply([told('services', 'a', 1), told('pods', 'p', 2), told('unknown', 'x', 3)], 0n);
  view.apply([told('endpointslices', 'a-1', 4)], 9n);
  view.apply([], 12n);
  expect(seen).toEqual([
    { text: 'services default/a ->1, pods default/p ->2', complete: false },
    { text: 'endpointslices default/a-1 ->4', complete: true },
  ]);
  expect(view.revision).toBe(12n);
});

it('keeps the newer state while a master that is behind resumes, and takes a full set as it is', () => {
  const view = new NetworkView();
  view.begin(true);
  view.apply([told('services', 'a', 5), told('services', 'b', 5)], 5n);
  const seen = recorded(view);
  view.begin(false);
  view.apply([told('services', 'a', 4), told('services', 'b', 6)], 6n);
  view.begin(true);
  view.apply([told('services', 'b', 2)], 3n);
  expect(seen.map(({ text }) => text)).toEqual([
    'services default/a ->5, services default/b ->5',
    'services default/b 5>6',
    'services default/b 6>2, services default/a 5>-',
  ]);
  expect(view.revision).toBe(3n);
});

it('says that an empty cluster is complete', () => {
  const view = new NetworkView();
  const seen = recorded(view);
  view.begin(true);
  view.apply([], 1n);
  expect(seen).toEqual([{ text: '', complete: true }]);
});

it('gives a state that another view can begin with', () => {
  const view = new NetworkView();
  view.begin(true);
  view.apply([told('services', 'a', 1)], 7n);
  expect(view.state()).toMatchObject({ revision: '7', objects: { services: [{ metadata: { name: 'a' } }], pods: [] } });
});
