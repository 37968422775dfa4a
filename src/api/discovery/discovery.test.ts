import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { createKindRegistry } from '../registry.ts';
import { aggregatedDiscovery, aggregatedMediaType } from './aggregated.ts';
import { compareVersions, groupVersions } from './groups.ts';
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
  expect(apiGroup(resources, 'example.com')).toBeUndefined();
  expect(apiResourceList(resources, 'apps', 'v1beta1')).toBeUndefined();
});

/** What Kubernetes 1.35 serves by default and we do not, or not in this way. */
const missing = [
  // Of the older, pathless way to bind pods, which nobody has used for years.
  'core/v1 bindings',
  // The access reviews and tokens are no stored kinds: src/apiserver/virtual.
  'authentication.k8s.io/v1',
  'authorization.k8s.io/v1',
];

test('resources, names, verbs and subresources are those of Kubernetes 1.35, in its order', () => {
  const wanted = readFileSync(new URL('testdata/kubernetes-1.35.txt', import.meta.url), 'utf8')
    .trimEnd()
    .split('\n');
  const lines = groupVersions(resources).flatMap(({ apiVersion, resources }) =>
    resources.flatMap((one) => [
      [
        apiVersion === 'v1' ? 'core/v1' : apiVersion,
        one.resource,
        one.kind,
        one.namespaced ? 'namespaced' : 'cluster',
        one.singular,
        one.verbs.join(','),
        `short:${one.shortNames.join(',')}`,
        `in:${one.categories.join(',')}`,
      ].join(' '),
      ...one.subresources.map(({ name, kind, verbs }) => {
        const other = kind.group !== one.group || kind.version !== one.version;
        return `  ${name} ${kind.kind} ${verbs.join(',')}${other ? ` of ${kind.group}/${kind.version}` : ''}`;
      }),
    ]),
  );
  const isMissing = (line: string) => missing.some((start) => line.startsWith(start));
  expect(lines).toEqual(wanted.filter((line) => !isMissing(line)));
});

test('versions in the order of preference', () => {
  const sorted = ['v1', 'foo10', 'v11alpha2', 'v10', 'v3beta1', 'v2', 'v11beta2', 'foo1', 'v12alpha1', 'v10beta3'];
  expect(sorted.sort(compareVersions)).toEqual([
    'v10',
    'v2',
    'v1',
    'v11beta2',
    'v10beta3',
    'v3beta1',
    'v12alpha1',
    'v11alpha2',
    'foo1',
    'foo10',
  ]);
});
