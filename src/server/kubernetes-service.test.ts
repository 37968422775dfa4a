import { expect, test } from 'vitest';
import type { Service } from '../api/generated/types/core-v1.ts';
import type { EndpointSlice } from '../api/generated/types/discovery-v1.ts';
import { ApiError } from '../api/status.ts';
import { resources } from '../api/types.ts';
import { FakeApiClient } from '../client/testing/fake-api-client.ts';
import { ensureKubernetesService, firstAddress } from './kubernetes-service.ts';

const member = (id: number) => ({
  id,
  name: `master-${id}`,
  apiAddress: `10.0.0.${id}:6443`,
  grpcAddress: `10.0.0.${id}:6444`,
  raftAddress: `10.0.0.${id}:6445`,
});
const network = {
  podCidr: '10.128.0.0/16',
  nodeCidrMaskSize: 24,
  serviceCidr: '10.96.0.0/16',
  clusterDomain: 'cluster.local',
};
const slices = { group: 'discovery.k8s.io', version: 'v1', resource: 'endpointslices' };
const key = { namespace: 'default', name: 'kubernetes' };

test('the Service has the first address of the range and lists every master; again changes nothing', async () => {
  const client = new FakeApiClient();
  await ensureKubernetesService(client, { members: [1, 2, 3].map(member), network });
  const service = await client.get<Service>(resources.services, key);
  expect(service.spec).toMatchObject({ clusterIP: '10.96.0.1', ports: [{ port: 443, targetPort: 6443 }] });
  const slice = await client.get<EndpointSlice>(slices, key);
  expect(slice.endpoints.flatMap((endpoint) => endpoint.addresses)).toEqual(['10.0.0.1', '10.0.0.2', '10.0.0.3']);
  await ensureKubernetesService(client, { members: [1, 2, 3].map(member), network });
  expect((await client.get<EndpointSlice>(slices, key)).metadata?.resourceVersion).toBe(
    slice.metadata?.resourceVersion,
  );
});

test('the next leader finds the Service there, whose address is taken by itself', async () => {
  const client = new FakeApiClient();
  await ensureKubernetesService(client, { members: [1, 2].map(member), network });
  client.intercept = ({ verb, resource }) => {
    if (verb === 'create' && resource === resources.services)
      throw new ApiError('Invalid', 'provided IP is already allocated');
  };
  await ensureKubernetesService(client, { members: [2].map(member), network });
  const slice = await client.get<EndpointSlice>(slices, key);
  expect(slice.endpoints.flatMap((endpoint) => endpoint.addresses)).toEqual(['10.0.0.2']);
});

test('a changed list of masters is corrected', async () => {
  const client = new FakeApiClient();
  await ensureKubernetesService(client, { members: [1, 2].map(member), network });
  await ensureKubernetesService(client, { members: [2, 3].map(member), network });
  const slice = await client.get<EndpointSlice>(slices, key);
  expect(slice.endpoints.flatMap((endpoint) => endpoint.addresses)).toEqual(['10.0.0.2', '10.0.0.3']);
});

test('firstAddress of IPv4 and IPv6 ranges', () => {
  expect(firstAddress('10.96.0.0/16')).toBe('10.96.0.1');
  expect(firstAddress('fd00:1::/108')).toBe('fd00:1::1');
});
