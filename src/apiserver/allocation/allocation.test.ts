import { beforeEach, describe, expect, it } from 'vitest';
import type { Service, ServiceSpec } from '../../api/generated/types/core-v1.ts';
import type { ServiceCIDR } from '../../api/generated/types/networking-v1.ts';
import { addressToBigint, bigintToAddress, canonicalAddress, usableRange } from '../../api/meta/address-range.ts';
import { timestampOf } from '../../api/meta/timestamp.ts';
import type { GroupVersionResource, TypedObject } from '../../api/types.ts';
import { createTestApi } from '../testing/test-api.ts';
import { repairs } from './repair.ts';

const services = { group: '', version: 'v1', resource: 'services' };
const addresses = { group: 'networking.k8s.io', version: 'v1', resource: 'ipaddresses' };
const ranges = { group: 'networking.k8s.io', version: 'v1', resource: 'servicecidrs' };

let test: Awaited<ReturnType<typeof createTestApi>>;

beforeEach(async () => {
  test = await createTestApi({ serviceFamilies: ['IPv4'] });
  await addRange('kubernetes', '10.0.0.0/28');
});

async function addRange(name: string, ...cidrs: string[]): Promise<void> {
  const range = { apiVersion: 'networking.k8s.io/v1', kind: 'ServiceCIDR', metadata: { name }, spec: { cidrs } };
  const present = await test.client.create<ServiceCIDR>(ranges, range);
  const ready = { type: 'Ready', status: 'True' as const, reason: '', message: '', lastTransitionTime: timestampOf(0) };
  await test.client.update(ranges, { ...present, status: { conditions: [ready] } }, 'status');
}

function service(name: string, spec: ServiceSpec): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'default' },
    spec: { ports: [{ port: 80 }], ...spec },
  };
}

function create(name: string, spec: ServiceSpec = {}): Promise<Service> {
  return test.client.create(services, service(name, spec));
}

async function names(resource: GroupVersionResource): Promise<string[]> {
  const { items } = await test.client.list<TypedObject>(resource);
  return items.map(({ metadata }) => metadata!.name!).sort();
}

describe('addresses of Services', () => {
  it('are reserved with the Service and free again without it', async () => {
    const { spec } = await create('a');
    expect(spec).toMatchObject({ clusterIPs: [spec!.clusterIP], ipFamilies: ['IPv4'], ipFamilyPolicy: 'SingleStack' });
    expect(await names(addresses)).toEqual([spec!.clusterIP]);
    await test.client.delete(services, { namespace: 'default', name: 'a' });
    expect(await names(addresses)).toEqual([]);
  });

  it('go to one of many who ask for the same at once', async () => {
    const results = await Promise.allSettled(
      Array.from({ length: 8 }, (_, i) => create(`a${i}`, { clusterIP: '10.0.0.9' })),
    );
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    const refused = results.find(({ status }) => status === 'rejected') as PromiseRejectedResult;
    expect(refused.reason.message).toContain('failed to allocate IP 10.0.0.9: provided IP is already allocated');
  });

  it('are all given out before the range counts as full, whoever asks at the same time', async () => {
    const results = await Promise.allSettled(Array.from({ length: 16 }, (_, i) => create(`a${i}`)));
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(14);
    await expect(create('late')).rejects.toThrow('failed to allocate a serviceIP: range is full');
    await addRange('more', '10.0.1.0/28');
    expect((await create('late')).spec!.clusterIP).toMatch(/^10\.0\.1\./);
  });

  it('are given up with the type that needs them', async () => {
    await create('a', { type: 'NodePort' });
    await test.client.update(services, service('a', { type: 'ExternalName', externalName: 'x.y' }));
    expect(await names(addresses)).toEqual([]);
    expect(await repairs(test.store, 0)).toEqual([]);
  });
});

describe('node ports', () => {
  it('belong to one Service, whatever the protocol, and are shared by its ports of one number', async () => {
    const both = [
      { name: 't', port: 53, protocol: 'TCP' },
      { name: 'u', port: 53, protocol: 'UDP' },
    ];
    const { spec } = await create('dns', { type: 'NodePort', ports: both as ServiceSpec['ports'] });
    const [first, second] = spec!.ports!.map(({ nodePort }) => nodePort!);
    expect(first).toBe(second);
    const same = { type: 'NodePort', ports: [{ port: 1, nodePort: first!, protocol: 'UDP' }] };
    await expect(create('other', same)).rejects.toThrow('provided port is already allocated');
  });
});

describe('repairs', () => {
  it('reserves what a Service has and nobody holds, and frees what is held for nobody', async () => {
    const { spec } = await create('a', { type: 'NodePort' });
    await test.client.delete(addresses, { name: spec!.clusterIP! });
    const [lost] = await repairs(test.store, 0);
    expect(lost!.reason).toBe(`address ${spec!.clusterIP} of Service default/a was not reserved`);
    expect((await test.store.transact(lost!.transaction)).succeeded).toBe(true);
    expect(await repairs(test.store, 0)).toEqual([]);

    await test.store.transact({
      compare: [],
      success: [{ type: 'put', key: '/registry/trimast/nodeports/30999', value: Buffer.from('default/gone') }],
    });
    const [stale] = await repairs(test.store, 0);
    expect(stale!.reason).toBe('node port 30999 was reserved for Service default/gone, which does not have it');
    await test.store.transact(stale!.transaction);
    expect(await repairs(test.store, 0)).toEqual([]);
  });
});

describe('address arithmetic', () => {
  it('goes both ways and knows the canonical form', () => {
    for (const text of ['10.1.2.3', '::', '::1', '2001:db8::', '1:0:0:2::3', 'fd00:0:0:1:2:3:4:5', '1:2:3:4:5:6:7:8'])
      expect(bigintToAddress(addressToBigint(text), text.includes(':') ? 'IPv6' : 'IPv4')).toBe(
        text === 'fd00:0:0:1:2:3:4:5' ? 'fd00::1:2:3:4:5' : text,
      );
    expect(canonicalAddress('FD00:0:0::00AB')).toBe('fd00::ab');
    expect(canonicalAddress('::ffff:1.2.3.4')).toBe('::ffff:102:304');
    expect(usableRange('10.0.0.0/28')).toMatchObject({ size: 14n });
    expect(usableRange('fd00::/120')).toMatchObject({ size: 255n });
  });
});
