import { expect, test } from 'vitest';
import { createKindRegistry } from '../registry.ts';
import { aggregatedDiscovery, aggregatedMediaType } from './aggregated.ts';
import { apiGroup, apiGroupList, apiResourceList } from './plain.ts';

const resources = createKindRegistry().definitions;
const text = (value: unknown) => `${JSON.stringify(value, null, 1)}\n`;

test('aggregated discovery of all groups', async () => {
  const both = [aggregatedDiscovery(resources, 'v2', true), aggregatedDiscovery(resources, 'v2', false)];
  await expect(text(both)).toMatchFileSnapshot('testdata/aggregated.json');
  expect(aggregatedMediaType('v2beta1')).toBe(
    'application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList',
  );
});

test('plain discovery lists every subresource; eviction is of group policy, which drain looks for', async () => {
  await expect(text([apiGroupList(resources), apiResourceList(resources, '', 'v1')])).toMatchFileSnapshot(
    'testdata/plain.json',
  );
  const core = apiResourceList(resources, '', 'v1') as { resources: { name: string }[] };
  expect(core.resources.find((one) => one.name === 'pods/eviction')).toMatchObject({
    group: 'policy',
    version: 'v1',
    kind: 'Eviction',
  });
});

test('what is not served is not told', () => {
  expect(apiGroup(resources, 'apps')).toMatchObject({ kind: 'APIGroup', preferredVersion: { version: 'v1' } });
  expect(apiGroup(resources, 'batch')).toBeUndefined();
  expect(apiResourceList(resources, 'apps', 'v1beta1')).toBeUndefined();
});
