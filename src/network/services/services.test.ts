import { afterEach, describe, expect, it } from 'vitest';
import type { Node, Service, ServicePort, ServiceSpec } from '../../api/generated/types/core-v1.ts';
import type { Endpoint, EndpointSlice } from '../../api/generated/types/discovery-v1.ts';
import { silentLogger } from '../../lib/logger.ts';
import { changes } from '../nftables/changes.ts';
import { renderTable, type Table } from '../nftables/index.ts';
import { NetworkView } from '../view.ts';
import { arrange } from './arrange.ts';
import { backendsOf } from './backends.ts';
import { conntrackCommands } from './conntrack.ts';
import { HealthCheckServers } from './health-checks.ts';
import { ServicePlanner, type StaleFlows } from './planner.ts';
import { ServiceProxy } from './service-proxy.ts';

const place = { node: 'n1', zone: 'a', podRanges: ['10.1.0.0/24', 'fd00:1::/64'] };

function service(name: string, spec: ServiceSpec, more: Partial<Service> = {}): Service {
  return {
    metadata: { namespace: 'ns', name, creationTimestamp: '2026-01-01T00:00:00Z' },
    spec: { type: 'ClusterIP', ports: [{ port: 80, protocol: 'TCP' }], ...spec },
    ...more,
  };
}

function slice(serviceName: string, endpoints: Endpoint[], more: Partial<EndpointSlice> = {}): EndpointSlice {
  const labels = { 'kubernetes.io/service-name': serviceName };
  return {
    metadata: { namespace: 'ns', name: `${serviceName}-1`, labels },
    addressType: 'IPv4',
    ports: [{ port: 8080, protocol: 'TCP' }],
    endpoints,
    ...more,
  };
}

function endpoint(address: string, nodeName = 'n1', more: Partial<Endpoint> = {}): Endpoint {
  return { addresses: [address], nodeName, conditions: { ready: true, serving: true, terminating: false }, ...more };
}

class World {
  readonly services = new Map<string, Service>();
  readonly endpointSlices = new Map<string, EndpointSlice>();
  readonly planner = new ServicePlanner(['10.96.0.10']);

  constructor() {
    this.planner.moved(place, []);
  }

  put(...objects: (Service | EndpointSlice)[]): this {
    for (const object of objects) {
      const key = `${object.metadata?.namespace}/${object.metadata?.name}`;
      if ('addressType' in object) {
        this.planner.sliceChanged(key, this.endpointSlices.get(key), object);
        this.endpointSlices.set(key, object);
      } else {
        this.services.set(key, object as Service);
        this.planner.serviceChanged(key);
      }
    }
    return this;
  }

  remove(key: string): this {
    this.services.delete(key);
    this.planner.serviceChanged(key);
    return this;
  }

  plan() {
    return this.planner.plan(this);
  }
}

const web = service('web', { clusterIP: '10.96.1.1', clusterIPs: ['10.96.1.1'] });
const two = [endpoint('10.1.0.5'), endpoint('10.1.1.5', 'n2')];

describe('ServicePlanner', () => {
  const cases: Record<string, () => World> = {
    'cluster-ip': () => new World().put(web, slice('web', two)),
    'node-port': () =>
      new World().put(
        service('web', {
          type: 'NodePort',
          clusterIP: '10.96.1.1',
          ports: [{ port: 80, protocol: 'TCP', nodePort: 30080 }],
        }),
        slice('web', two),
      ),
    'local-policies': () =>
      new World().put(
        service('web', {
          type: 'LoadBalancer',
          clusterIP: '10.96.1.1',
          internalTrafficPolicy: 'Local',
          externalTrafficPolicy: 'Local',
          externalIPs: ['192.0.2.7'],
          ports: [{ port: 80, protocol: 'TCP', nodePort: 30080 }],
        }),
        slice('web', two),
        service('far', {
          clusterIP: '10.96.1.2',
          internalTrafficPolicy: 'Local',
          externalTrafficPolicy: 'Local',
          externalIPs: ['192.0.2.8'],
        }),
        slice('far', [endpoint('10.1.1.6', 'n2')]),
      ),
    'session-affinity': () =>
      new World().put(
        service('web', {
          type: 'NodePort',
          clusterIP: '10.96.1.1',
          externalTrafficPolicy: 'Local',
          sessionAffinity: 'ClientIP',
          sessionAffinityConfig: { clientIP: { timeoutSeconds: 60 } },
          ports: [{ port: 80, protocol: 'TCP', nodePort: 30080 }],
        }),
        slice('web', two),
      ),
    'load-balancer': () =>
      new World().put(
        service(
          'web',
          { type: 'LoadBalancer', clusterIP: '10.96.1.1', loadBalancerSourceRanges: ['198.51.100.0/24', 'fd00::/8'] },
          { status: { loadBalancer: { ingress: [{ ip: '192.0.2.9' }, { ip: '192.0.2.10', ipMode: 'Proxy' }] } } },
        ),
        slice('web', two),
      ),
    'nobody-behind': () =>
      new World().put(
        service('web', {
          type: 'NodePort',
          clusterIP: '10.96.1.1',
          ports: [{ port: 80, protocol: 'TCP', nodePort: 30080 }],
        }),
        slice('web', [endpoint('10.1.0.5', 'n1', { conditions: { ready: false, serving: false } })]),
      ),
    'dual-stack-udp-sctp': () =>
      new World().put(
        service('web', {
          clusterIP: '10.96.1.1',
          clusterIPs: ['10.96.1.1', 'fd00:96::1'],
          ports: [
            { name: 'u', port: 53, protocol: 'UDP' },
            { name: 's', port: 99, protocol: 'SCTP' },
          ],
        }),
        slice('web', two, {
          ports: [
            { name: 'u', port: 5353, protocol: 'UDP' },
            { name: 's', port: 9, protocol: 'SCTP' },
          ],
        }),
        slice('web', [endpoint('fd00:1::5')], {
          metadata: { namespace: 'ns', name: 'web-6', labels: { 'kubernetes.io/service-name': 'web' } },
          addressType: 'IPv6',
          ports: [{ name: 'u', port: 5353, protocol: 'UDP' }],
        }),
      ),
  };
  for (const [name, make] of Object.entries(cases)) {
    it(`plans ${name}`, async () => {
      const { tables } = make().plan();
      await expect(tables.map(renderTable).join('\n')).toMatchFileSnapshot(`testdata/${name}.nft`);
    });
  }

  it('is the same however it came about, but for the numbers of endpoints', () => {
    const world = new World().put(
      service('other', { clusterIP: '10.96.9.9' }),
      web,
      slice('web', [endpoint('10.1.0.9')]),
    );
    world.plan();
    world.put(slice('web', two)).remove('ns/other');
    const [table] = world.plan().tables;
    expect(renderTable(table!).split('\n').length).toBe(
      renderTable(new World().put(web, slice('web', two)).plan().tables[0]!).split('\n').length,
    );
  });

  it('changes a few elements for one endpoint, whatever else there is', () => {
    const world = new World();
    for (let i = 0; i < 200; i++)
      world.put(
        service(`s${i}`, { clusterIP: `10.96.2.${i}` }),
        slice(`s${i}`, [endpoint(`10.1.2.${i}`), endpoint(`10.1.3.${i}`, 'n2')]),
      );
    const [before] = world.plan().tables;
    world.put(slice('s7', [endpoint('10.1.3.7', 'n2')]));
    const [after] = world.plan().tables;
    expect(changes(before!, after!)).toEqual([
      'add chain ip trimast-services inside-tcp-1',
      'delete element ip trimast-services service-ips { 10.96.2.7 . tcp . 80 }',
      'delete element ip trimast-services endpoints-tcp { 10.96.2.7 . 80 . 0, 10.96.2.7 . 80 . 1 }',
      'delete element ip trimast-services hairpin { 10.1.2.7 . 10.1.2.7 }',
      'add element ip trimast-services service-ips { 10.96.2.7 . tcp . 80 : goto inside-tcp-1 }',
      'add element ip trimast-services endpoints-tcp { 10.96.2.7 . 80 . 0 : 10.1.3.7 . 8080 }',
      expect.stringContaining('add rule ip trimast-services inside-tcp-1'),
      expect.stringContaining('add rule ip trimast-services inside-tcp-1'),
    ]);
  });

  it('gives an address that two Services name to the older one, and to the other when that goes', () => {
    const named = (name: string, clusterIP: string, creationTimestamp: string): Service => ({
      ...service(name, { clusterIP, externalIPs: ['192.0.2.1'] }),
      metadata: { namespace: 'ns', name, creationTimestamp },
    });
    const world = new World().put(
      named('young', '10.96.1.1', '2026-02-01T00:00:00Z'),
      slice('young', [endpoint('10.1.0.1')]),
      named('old', '10.96.1.2', '2026-01-01T00:00:00Z'),
      slice('old', [endpoint('10.1.0.2')]),
    );
    const behind = (table: Table | undefined) => /192\.0\.2\.1 \. 80 \. 0 : (\S+)/.exec(renderTable(table!))?.[1];
    expect(behind(world.plan().tables[0])).toBe('10.1.0.2');
    world.remove('ns/old');
    expect(behind(world.plan().tables[0])).toBe('10.1.0.1');
  });

  it('leaves alone what is headless, external, somebody else’s or answered by the node', () => {
    const labels = { 'service.kubernetes.io/service-proxy-name': 'other' };
    const world = new World().put(
      service('a', { clusterIP: 'None' }),
      service('b', { type: 'ExternalName', externalName: 'x' }),
      service('c', { clusterIP: '10.96.1.3' }, { metadata: { namespace: 'ns', name: 'c', labels } }),
      service('d', { clusterIP: '10.96.0.10' }),
    );
    expect(world.plan().tables).toEqual([]);
  });

  it('tells of UDP flows that have lost their end', () => {
    const ports: ServicePort[] = [{ port: 53, protocol: 'UDP', nodePort: 30053 }];
    const world = new World().put(service('dns', { type: 'NodePort', clusterIP: '10.96.1.1', ports }));
    const udp = { ports: [{ port: 53, protocol: 'UDP' }] };
    expect(world.plan().staleFlows).toEqual([]);
    const flows = (endpoints: Endpoint[]): string[] =>
      world
        .put(slice('dns', endpoints, udp))
        .plan()
        .staleFlows.flatMap(conntrackCommands)
        .map((args) => args.join(' '));
    expect(flows([endpoint('10.1.0.1')])).toEqual([
      '-D -f ipv4 -p udp --orig-dst 10.96.1.1 --orig-port-dst 53',
      '-D -f ipv4 -p udp --orig-port-dst 30053',
    ]);
    expect(flows([endpoint('10.1.0.2')])).toEqual([
      '-D -f ipv4 -p udp --orig-dst 10.96.1.1 --orig-port-dst 53 --reply-src 10.1.0.1',
      '-D -f ipv4 -p udp --orig-port-dst 30053 --reply-src 10.1.0.1',
    ]);
    expect(flows([endpoint('10.1.0.2')])).toEqual([]);
  });
});

describe('backendsOf', () => {
  const of = (endpoints: Endpoint[], spec: ServiceSpec = {}) => {
    const it = service('web', spec);
    const { cluster, local, anywhere } = backendsOf(it, it.spec!.ports![0]!, [slice('web', endpoints)], 'IPv4', place);
    const addresses = (backends: readonly { address: string }[]) => backends.map(({ address }) => address).join();
    return { cluster: addresses(cluster), local: addresses(local), anywhere };
  };
  const leaving = { conditions: { ready: false, serving: true, terminating: true } };

  it('takes terminating endpoints only where nothing else is left', () => {
    expect(of([endpoint('1.1.1.1', 'n1', leaving), endpoint('1.1.1.2', 'n2')])).toEqual({
      cluster: '1.1.1.2',
      local: '1.1.1.1',
      anywhere: true,
    });
    expect(of([endpoint('1.1.1.1', 'n2', leaving)])).toMatchObject({ cluster: '1.1.1.1', local: '' });
    const broken = { conditions: { ready: false, serving: false, terminating: true } };
    expect(of([endpoint('1.1.1.1', 'n2', broken)])).toMatchObject({ cluster: '', anywhere: false });
  });

  it('keeps to hints if everybody has them and somebody is near', () => {
    const hinted = (address: string, zone: string, ...nodes: string[]) =>
      endpoint(address, 'n2', {
        hints: { forZones: [{ name: zone }], ...(nodes.length > 0 && { forNodes: nodes.map((name) => ({ name })) }) },
      });
    const close = { trafficDistribution: 'PreferClose' };
    expect(of([hinted('1.1.1.1', 'a'), hinted('1.1.1.2', 'b')], close).cluster).toBe('1.1.1.1');
    expect(of([hinted('1.1.1.1', 'a'), hinted('1.1.1.2', 'b')]).cluster).toBe('1.1.1.1,1.1.1.2');
    expect(of([hinted('1.1.1.1', 'b'), hinted('1.1.1.2', 'c')], close).cluster).toBe('1.1.1.1,1.1.1.2');
    expect(of([hinted('1.1.1.1', 'a'), endpoint('1.1.1.2')], close).cluster).toBe('1.1.1.1,1.1.1.2');
    expect(of([hinted('1.1.1.1', 'a', 'n2'), hinted('1.1.1.2', 'a', 'n1')], close).cluster).toBe('1.1.1.2');
  });
});

describe('arrange', () => {
  it('moves as few as can be', () => {
    expect(arrange(['a', 'b', 'c', 'd'], ['a', 'c', 'd'])).toEqual(['a', 'd', 'c']);
    expect(arrange(['a', 'b', 'c'], ['a', 'x', 'c'])).toEqual(['a', 'x', 'c']);
    expect(arrange(['a', 'b'], ['c', 'b', 'a'])).toEqual(['a', 'b', 'c']);
    expect(arrange(['a', 'b', 'c'], [])).toEqual([]);
    const same = ['a', 'b'];
    expect(arrange(same, ['b', 'a'])).toBe(same);
  });
});

describe('ServiceProxy', () => {
  it('touches nothing before the view is complete, then applies, and follows', async () => {
    const view = new NetworkView();
    const applied: Table[] = [];
    const forgotten: StaleFlows[] = [];
    const proxy = new ServiceProxy({
      nodeName: 'n1',
      view,
      nftables: { set: async (table) => void applied.push(table) },
      logger: silentLogger,
      forget: async (flows) => void forgotten.push(...flows),
    });
    const node: Node = { metadata: { name: 'n1' }, spec: { podCIDRs: ['10.1.0.0/24'] } };
    view.begin(true);
    view.apply(
      [
        { resource: 'nodes', key: 'n1', object: node },
        { resource: 'services', key: 'ns/web', object: web },
      ],
      0n,
    );
    await proxy.settled();
    expect(applied).toEqual([]);
    view.apply([{ resource: 'endpointslices', key: 'ns/web-1', object: slice('web', two) }], 5n);
    await proxy.settled();
    expect(renderTable(applied.at(-1)!)).toContain('10.96.1.1 . tcp . 80 : goto inside-tcp-2');
    expect(renderTable(applied.at(-1)!)).toContain('10.1.0.0/24');
    view.apply([{ resource: 'endpointslices', key: 'ns/web-1', object: undefined }], 6n);
    await proxy.settled();
    expect(renderTable(applied.at(-1)!)).toContain('10.96.1.1 . tcp . 80 : goto reject-it');
    proxy.stop();
  });

  it('leaves the rules of an earlier agent alone until it is ready', async () => {
    const view = new NetworkView();
    const applied: Table[] = [];
    const { promise, resolve } = Promise.withResolvers<void>();
    const nftables = { set: async (table: Table) => void applied.push(table) };
    const proxy = new ServiceProxy({ nodeName: 'n1', view, nftables, logger: silentLogger, ready: promise });
    view.begin(true);
    view.apply([{ resource: 'services', key: 'ns/web', object: web }], 5n);
    await proxy.settled();
    expect(applied).toEqual([]);
    view.apply([{ resource: 'endpointslices', key: 'ns/web-1', object: slice('web', two) }], 6n);
    resolve();
    await promise;
    await proxy.settled();
    expect(applied.map(renderTable)).toEqual([expect.stringContaining('10.96.1.1 . tcp . 80 : goto inside-tcp-2')]);
    proxy.stop();
  });
});

describe('HealthCheckServers', () => {
  const servers = new HealthCheckServers(silentLogger);
  afterEach(() => servers.stop());

  it('answers by the number of local endpoints', async () => {
    const port = 30_000 + (process.pid % 2_000);
    const ask = async (localEndpoints: number) => {
      servers.update(new Map([[port, { namespace: 'ns', name: 'web', localEndpoints }]]));
      const answer = await fetch(`http://127.0.0.1:${port}/healthz`);
      return { status: answer.status, body: await answer.json() };
    };
    expect(await ask(2)).toMatchObject({
      status: 200,
      body: { service: { namespace: 'ns', name: 'web' }, localEndpoints: 2 },
    });
    expect(await ask(0)).toMatchObject({ status: 503 });
  });
});
