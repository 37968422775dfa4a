import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Endpoints, Pod, Service } from '../../api/generated/types/core-v1.ts';
import type { EndpointSlice } from '../../api/generated/types/discovery-v1.ts';
import { resources } from '../../api/types.ts';
import { type Harness, harness } from '../testing/harness.ts';
import { type PodOptions, podOf } from '../testing/objects.ts';
import { EndpointsController } from './controller.ts';
import { EndpointSliceMirroringController } from './mirror-controller.ts';
import { planEndpoints } from './plan.ts';
import { planSlices, type SliceOwner } from './slices.ts';

const service: Service = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web', namespace: 'default', uid: 'uid-web' },
  spec: { clusterIP: '10.96.0.5', selector: { app: 'web' }, ports: [{ name: 'http', port: 80, targetPort: 'http' }] },
};
function backend(name: string, podIP: string | undefined, options: PodOptions = {}, containerPort = 8080): Pod {
  const pod = podOf({ name, node: 'n1', ...options });
  const containers = [{ name: 'c', image: 'i', ports: [{ name: 'http', containerPort }] }];
  return { ...pod, spec: { ...pod.spec!, containers }, status: { ...pod.status, podIP } };
}
const ready = { readySinceMs: 0 };

const owner: SliceOwner = {
  namespace: 'default',
  name: 'web',
  labels: {},
  reference: { apiVersion: 'v1', kind: 'Service', name: 'web', uid: 'uid-web' },
  emptyFamily: 'IPv4',
};

describe('planEndpoints', () => {
  const slicesOf = (pods: Pod[], spec: Service['spec'] = service.spec) =>
    planSlices(
      [],
      planEndpoints({ ...service, spec }, pods, (node) => (node === 'n1' ? 'z1' : undefined)).groups,
      owner,
    ).create;

  it('lists ready and not ready pods apart, and leaves out those without address, finished or (in Endpoints) terminating', () => {
    const pods = [
      backend('a', '10.0.0.1', ready),
      backend('b', '10.0.0.2'),
      backend('c', undefined, ready),
      backend('d', '10.0.0.4', { ...ready, phase: 'Succeeded' }),
      backend('e', '10.0.0.5', { ...ready, deleting: true }),
    ];
    expect(planEndpoints(service, pods).endpoints.subsets).toMatchObject([
      {
        addresses: [{ ip: '10.0.0.1', targetRef: { name: 'a' } }],
        notReadyAddresses: [{ ip: '10.0.0.2' }],
        ports: [{ name: 'http', port: 8080 }],
      },
    ]);
    const conditions = (spec?: Service['spec']) =>
      slicesOf(pods, spec).flatMap(({ endpoints }) => endpoints.map((one) => [one.addresses[0], one.conditions]));
    expect(conditions()).toEqual([
      ['10.0.0.1', { ready: true, serving: true, terminating: false }],
      ['10.0.0.2', { ready: false, serving: false, terminating: false }],
      ['10.0.0.5', { ready: false, serving: true, terminating: true }],
    ]);
    expect(conditions({ ...service.spec!, publishNotReadyAddresses: true })).toEqual([
      ['10.0.0.1', { ready: true, serving: true, terminating: false }],
      ['10.0.0.2', { ready: true, serving: false, terminating: false }],
      ['10.0.0.5', { ready: true, serving: true, terminating: true }],
    ]);
  });

  it('makes a slice for each number that a named port has, and for each hundred pods', () => {
    const many = Array.from({ length: 101 }, (_, i) => backend(`p${String(i).padStart(3, '0')}`, `10.0.1.${i}`, ready));
    const slices = slicesOf([...many, backend('other', '10.0.2.1', ready, 9090)]);
    expect(slices.map((slice) => [slice.ports?.[0]?.port, slice.endpoints.length])).toEqual([
      [9090, 1],
      [8080, 100],
      [8080, 1],
    ]);
  });

  it('has slices of each family that the Service has', () => {
    const pod = backend('a', '10.0.0.1', ready);
    const both = { ...pod, status: { ...pod.status, podIPs: [{ ip: '10.0.0.1' }, { ip: 'fd00::1' }] } };
    const spec = { ...service.spec!, ipFamilies: ['IPv6', 'IPv4'] };
    expect(slicesOf([both, backend('b', '10.0.0.2', ready)], spec)).toMatchObject([
      { addressType: 'IPv6', endpoints: [{ addresses: ['fd00::1'] }] },
      { addressType: 'IPv4', endpoints: [{ addresses: ['10.0.0.1'] }, { addresses: ['10.0.0.2'] }] },
    ]);
  });

  it('says zones, hints and the host names of a headless Service', () => {
    const pod = backend('a', '10.0.0.1', ready);
    const named = { ...pod, spec: { ...pod.spec!, hostname: 'db-0', subdomain: 'web' } };
    const [slice] = slicesOf([named], { ...service.spec!, trafficDistribution: 'PreferSameNode' });
    expect(slice!.endpoints).toMatchObject([
      { hostname: 'db-0', zone: 'z1', hints: { forZones: [{ name: 'z1' }], forNodes: [{ name: 'n1' }] } },
    ]);
  });

  it('has one empty slice and no subsets for a Service without pods', () => {
    expect(planEndpoints(service, []).endpoints.subsets).toBeUndefined();
    expect(slicesOf([])).toMatchObject([
      { endpoints: [], metadata: { labels: { 'kubernetes.io/service-name': 'web' } } },
    ]);
  });

  it('truncates Endpoints at their limit and says so', () => {
    const many = Array.from({ length: 1_001 }, (_, i) => backend(`p${i}`, `10.0.${i >> 8}.${i & 255}`, ready));
    const { endpoints } = planEndpoints(service, many);
    expect(endpoints.subsets![0]!.addresses).toHaveLength(1_000);
    expect(endpoints.metadata!.annotations).toEqual({ 'endpoints.kubernetes.io/over-capacity': 'truncated' });
  });
});

describe('planSlices', () => {
  const groupsOf = (...names: string[]) =>
    planEndpoints(
      service,
      names.map((name) => backend(name, `10.0.0.${Number(name.slice(1)) % 250}`, ready)),
    ).groups;
  const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => `p${String(from + i)}`);
  const stored = (slices: readonly EndpointSlice[]) =>
    slices.map((slice, i) => ({
      ...slice,
      ports: slice.ports!.map((port) => ({ name: '', ...port })),
      metadata: { ...slice.metadata, name: `s${i}`, uid: `u${i}` },
    }));

  it('writes nothing when nothing changed, and one slice when one endpoint did', () => {
    const present = stored(planSlices([], groupsOf(...range(0, 240)), owner).create);
    expect(present.map(({ endpoints }) => endpoints.length)).toEqual([100, 100, 40]);
    expect(planSlices(present, groupsOf(...range(0, 240)), owner)).toEqual({ create: [], update: [], delete: [] });
    const gone = planSlices(present, groupsOf(...range(1, 240)), owner);
    expect([gone.create.length, gone.update.length, gone.delete.length]).toEqual([0, 1, 0]);
    const replaced = planSlices(present, groupsOf(...range(1, 241)), owner);
    expect([replaced.create.length, replaced.update.length, replaced.delete.length]).toEqual([0, 1, 0]);
    const grown = planSlices(present, groupsOf(...range(0, 250)), owner);
    expect(grown.update.map(({ endpoints }) => endpoints.length)).toEqual([50]);
  });

  it('deletes what has become empty, but leaves the last one to say so', () => {
    const present = stored(planSlices([], groupsOf('p1'), owner).create);
    const { create, delete: gone } = planSlices(present, groupsOf(), owner);
    expect([create.map(({ endpoints }) => endpoints), gone.length]).toEqual([[[]], 1]);
    const two = stored([
      ...planSlices([], groupsOf('p1'), owner).create,
      ...planSlices([], groupsOf('p2'), owner).create,
    ]);
    expect(planSlices(two, groupsOf('p1'), owner)).toMatchObject({ create: [], update: [], delete: [{}] });
  });
});

describe('EndpointSliceMirroringController', () => {
  it('mirrors Endpoints of Services without a selector, follows them, and stops when there is a selector', async () => {
    const h = harness();
    void new EndpointSliceMirroringController(h.context).run();
    const slices = { group: 'discovery.k8s.io', version: 'v1', resource: 'endpointslices' };
    const endpoints = { group: '', version: 'v1', resource: 'endpoints' };
    const seen = () =>
      h.client
        .all<EndpointSlice>(slices)
        .flatMap((slice) => slice.endpoints.map(({ addresses, conditions }) => `${addresses[0]} ${conditions?.ready}`))
        .sort()
        .join();
    h.client.seed(resources.services, { ...service, spec: { ports: [{ port: 80 }] } });
    h.client.seed(endpoints, {
      apiVersion: 'v1',
      kind: 'Endpoints',
      metadata: { name: 'web', namespace: 'default', uid: 'uid-e' },
      subsets: [{ addresses: [{ ip: '10.0.0.1' }], notReadyAddresses: [{ ip: 'fd00::2' }], ports: [{ port: 80 }] }],
    });
    await h.client.until(() => seen() === '10.0.0.1 true,fd00::2 false');
    expect(
      h.client
        .all<EndpointSlice>(slices)
        .map(({ addressType }) => addressType)
        .sort(),
    ).toEqual(['IPv4', 'IPv6']);
    const key = { namespace: 'default', name: 'web' };
    h.client.change<Endpoints>(endpoints, key, (object) => {
      object.subsets = [{ addresses: [{ ip: '10.0.0.9' }], ports: [{ port: 80 }] }];
    });
    await h.client.until(() => seen() === '10.0.0.9 true');
    h.client.change<Service>(resources.services, key, (object) => {
      object.spec!.selector = { a: 'b' };
    });
    await h.client.until(() => h.client.all(slices).length === 0);
    h.stop();
  });
});

describe('EndpointsController', () => {
  let h: Harness;
  const resource = { group: '', version: 'v1', resource: 'endpoints' };
  const slices = { group: 'discovery.k8s.io', version: 'v1', resource: 'endpointslices' };
  const ips = () => {
    const { subsets = [] } = h.client.find<Endpoints>(resource, { namespace: 'default', name: 'web' }) ?? {};
    return subsets.flatMap(({ addresses = [] }) => addresses.map(({ ip }) => ip)).join();
  };
  const sliceIps = () =>
    h.client
      .all<EndpointSlice>(slices)
      .flatMap((slice) => slice.endpoints.flatMap(({ addresses, conditions }) => (conditions?.ready ? addresses : [])))
      .join();
  const shows = (expected: string) => () => ips() === expected && sliceIps() === expected;

  beforeEach(() => {
    h = harness();
    void new EndpointsController(h.context).run();
  });
  afterEach(() => h.stop());

  it('follows pods as they become ready, lose their label and go, and removes Endpoints with the Service', async () => {
    h.client.seed(resources.services, service);
    h.client.seed(resources.pods, backend('a', '10.0.0.1', ready));
    await h.client.until(shows('10.0.0.1'));
    h.client.seed(resources.pods, backend('b', '10.0.0.2', ready));
    await h.client.until(shows('10.0.0.1,10.0.0.2'));
    h.client.change<Pod>(resources.pods, { namespace: 'default', name: 'a' }, (pod) => {
      pod.metadata!.labels = {};
    });
    await h.client.until(shows('10.0.0.2'));
    h.client.remove(resources.pods, { namespace: 'default', name: 'b' });
    await h.client.until(shows(''));
    await h.client.idle();
    expect(h.client.all(slices)).toHaveLength(1);
    h.client.remove(resources.services, { namespace: 'default', name: 'web' });
    await h.client.until(() => h.client.all(resource).length === 0);
  });

  it('leaves a Service without selector to its owner', async () => {
    h.client.seed(resources.services, { ...service, spec: { ports: [{ port: 443 }] } });
    h.client.seed(resources.pods, backend('a', '10.0.0.1', ready));
    await h.client.idle();
    expect([h.client.all(resource), h.client.all(slices)]).toEqual([[], []]);
  });
});
