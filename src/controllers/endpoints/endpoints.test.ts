import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Endpoints, Pod, Service } from '../../api/generated/types/core-v1.ts';
import type { EndpointSlice } from '../../api/generated/types/discovery-v1.ts';
import { resources } from '../../api/types.ts';
import { type Harness, harness } from '../testing/harness.ts';
import { type PodOptions, podOf } from '../testing/objects.ts';
import { EndpointsController } from './controller.ts';
import { matchSlices, planEndpoints } from './plan.ts';

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

describe('planEndpoints', () => {
  it('lists ready and not ready pods apart, and leaves out those without address, finished or (in Endpoints) terminating', () => {
    const { endpoints, slices } = planEndpoints(service, [
      backend('a', '10.0.0.1', ready),
      backend('b', '10.0.0.2'),
      backend('c', undefined, ready),
      backend('d', '10.0.0.4', { ...ready, phase: 'Succeeded' }),
      backend('e', '10.0.0.5', { ...ready, deleting: true }),
    ]);
    expect(endpoints.subsets).toMatchObject([
      {
        addresses: [{ ip: '10.0.0.1', targetRef: { name: 'a' } }],
        notReadyAddresses: [{ ip: '10.0.0.2' }],
        ports: [{ name: 'http', port: 8080 }],
      },
    ]);
    expect(slices).toHaveLength(1);
    expect(slices[0]?.endpoints.map(({ addresses, conditions }) => [addresses[0], conditions])).toEqual([
      ['10.0.0.1', { ready: true, serving: true, terminating: false }],
      ['10.0.0.2', { ready: false, serving: false, terminating: false }],
      ['10.0.0.5', { ready: false, serving: true, terminating: true }],
    ]);
  });

  it('makes a slice for each number that a named port has, and for each hundred pods', () => {
    const many = Array.from({ length: 101 }, (_, i) => backend(`p${String(i).padStart(3, '0')}`, `10.0.1.${i}`, ready));
    const { slices } = planEndpoints(service, [...many, backend('other', '10.0.2.1', ready, 9090)]);
    expect(slices.map((slice) => [slice.ports?.[0]?.port, slice.endpoints.length])).toEqual([
      [9090, 1],
      [8080, 100],
      [8080, 1],
    ]);
  });

  it('has one empty slice and no subsets for a Service without pods', () => {
    const { endpoints, slices } = planEndpoints(service, []);
    expect(endpoints.subsets).toBeUndefined();
    expect(slices).toMatchObject([{ endpoints: [], metadata: { labels: { 'kubernetes.io/service-name': 'web' } } }]);
  });
});

describe('matchSlices', () => {
  it('writes nothing when nothing changed, reuses a slice when something did, deletes what is left over', () => {
    const one = planEndpoints(service, [backend('a', '10.0.0.1', ready)]).slices;
    const two = planEndpoints(service, [backend('b', '10.0.0.2', ready)]).slices;
    const present = one.map((slice) => ({ ...slice, metadata: { ...slice.metadata, name: 's1', uid: 'u1' } }));
    expect(matchSlices(present, one)).toEqual({ create: [], update: [], delete: [] });
    expect(matchSlices(present, two).update).toMatchObject([
      { metadata: { name: 's1' }, endpoints: [{ addresses: ['10.0.0.2'] }] },
    ]);
    expect(matchSlices([...present, ...present.map((slice) => ({ ...slice }))], one).delete).toHaveLength(1);
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
