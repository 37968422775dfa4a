import { expect, it } from 'vitest';
import { resources } from '../api/types.ts';
import { FakeApiClient } from '../client/testing/fake-api-client.ts';
import { silentLogger } from '../lib/logger.ts';
import { dnsService, ensureDnsService } from './dns-service.ts';

it('is the tenth address of each service range', () => {
  expect(dnsService('10.96.0.0/16').spec).toMatchObject({ clusterIP: '10.96.0.10', ipFamilies: ['IPv4'] });
  expect(dnsService('10.96.0.0/16,fd00:1::/108').spec).toMatchObject({
    clusterIPs: ['10.96.0.10', 'fd00:1::a'],
    ipFamilies: ['IPv4', 'IPv6'],
    ipFamilyPolicy: 'RequireDualStack',
  });
});

it('is created once and left as it is from then on', async () => {
  const client = new FakeApiClient();
  const network = { serviceCidr: '10.96.0.0/16' };
  await ensureDnsService(client, network, silentLogger);
  await ensureDnsService(client, network, silentLogger);
  expect(client.find(resources.services, { namespace: 'kube-system', name: 'kube-dns' })).toMatchObject({
    spec: { clusterIP: '10.96.0.10' },
  });
});
