import { expect, test } from 'vitest';
import type { Pod, PodSpec } from '../../api/generated/types/core-v1.ts';
import type { PriorityClass } from '../../api/generated/types/scheduling-v1.ts';
import { resources } from '../../api/types.ts';
import { createTestApi } from '../testing/test-api.ts';

const priorityClasses = { group: 'scheduling.k8s.io', version: 'v1', resource: 'priorityclasses' };

async function apiWith(...classes: [name: string, value: number, rest?: Partial<PriorityClass>][]) {
  const { client } = await createTestApi();
  for (const [name, value, rest] of classes) {
    const object = { apiVersion: 'scheduling.k8s.io/v1', kind: 'PriorityClass', metadata: { name }, value, ...rest };
    await client.create<PriorityClass>(priorityClasses, object);
  }
  return (spec: Partial<PodSpec>) =>
    client.create<Pod>(resources.pods, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { generateName: 'p-', namespace: 'default' },
      spec: { containers: [{ name: 'c', image: 'i' }], ...spec },
    });
}

test('a pod gets the value and preemption policy of the class that it names', async () => {
  const create = await apiWith(['high', 1000, { preemptionPolicy: 'Never' }]);
  expect((await create({ priorityClassName: 'high' })).spec).toMatchObject({
    priority: 1000,
    preemptionPolicy: 'Never',
  });
});

test('a pod that names none gets the default class, or 0 where there is none', async () => {
  expect((await (await apiWith())({})).spec?.priority).toBe(0);
  const create = await apiWith(['a', 20], ['b', 10, { globalDefault: true }]);
  expect((await create({})).spec).toMatchObject({ priority: 10, priorityClassName: 'b' });
});

test('a class that does not exist, and a priority that is not that of the class, are refused', async () => {
  const create = await apiWith(['high', 1000]);
  await expect(create({ priorityClassName: 'none' })).rejects.toThrow('no PriorityClass with name none was found');
  await expect(create({ priorityClassName: 'high', priority: 5 })).rejects.toThrow('must not be provided in pod spec');
});
