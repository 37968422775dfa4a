import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { overlap, parseCidr } from './cidr.ts';
import {
  type Cluster,
  endpoint,
  ipv6AddressOf,
  limits,
  membersOfKind,
  nodeNames,
  planCluster,
  type TopologyRequest,
} from './topology.ts';

const hashOf = (text: string) => createHash('sha256').update(text).digest('hex');

function plan(request: Partial<TopologyRequest> = {}): Cluster {
  const defaults = {
    hash: hashOf('/x'),
    masters: 3,
    workers: 2,
    hollow: 0,
    runtime: 'containerd',
    occupied: [],
  } as const;
  return planCluster({ ...defaults, ...request });
}

const shapes = fc.record({
  hash: fc.string().map(hashOf),
  masters: fc.integer({ min: 1, max: limits.masters }),
  workers: fc.integer({ min: 0, max: limits.workers }),
  hollow: fc.integer({ min: 0, max: limits.hollow }),
  runtime: fc.constantFrom('containerd' as const, 'hollow' as const),
});

describe('planCluster', () => {
  it('gives every listener an address of its own, and every member its own name', () => {
    fc.assert(
      fc.property(shapes, (shape) => {
        const { members } = plan(shape);
        const listeners = members.flatMap((member) => Object.keys(member.ports).map((port) => endpoint(member, port)));
        expect(new Set(listeners).size).toBe(listeners.length);
        expect(new Set(members.map((member) => member.name)).size).toBe(members.length);
        for (const member of members) for (const port of Object.values(member.ports)) expect(port).toBeLessThan(32_768);
      }),
    );
  });

  it('keeps interface names within 15 characters and derives every name from the id', () => {
    fc.assert(
      fc.property(shapes, (shape) => {
        const { id, members, network } = plan({ ...shape, runtime: 'containerd' });
        expect(network.bridge).toBe(`tm${id}`);
        for (const member of members.filter((one) => one.kind !== 'lb')) {
          expect(member.hostInterface!.length).toBeLessThanOrEqual(15);
          expect(member.namespace).toContain(id);
        }
      }),
    );
  });

  it('never plans a range that overlaps one in use, nor two that overlap each other', () => {
    const used = fc.array(
      fc.tuple(fc.integer({ min: 64, max: 254 }), fc.integer({ min: 0, max: 255 }), fc.integer({ min: 16, max: 32 })),
      { maxLength: 40 },
    );
    fc.assert(
      fc.property(shapes, used, (shape, ranges) => {
        const occupied = ranges.map(([second, third, length]) => `10.${second}.${third}.0/${length}`);
        const { network } = plan({ ...shape, runtime: 'containerd', occupied });
        const own = [network.hostCidr!, network.podCidr, network.serviceCidr].map(parseCidr);
        for (const range of own.slice(0, 2)) {
          for (const other of occupied.map(parseCidr)) expect(overlap(range, other)).toBe(false);
        }
        for (const [i, a] of own.entries()) for (const b of own.slice(i + 1)) expect(overlap(a, b)).toBe(false);
      }),
    );
  });

  it('gives two clusters with the same first choice different ranges once one is up', () => {
    const first = plan();
    const second = plan({ occupied: [first.network.hostCidr!, '0.0.0.0/0', '10.0.0.0/8'] });
    expect(second.network.hostCidr).not.toBe(first.network.hostCidr);
  });

  it('moves on to a free block of ports', () => {
    const first = plan({ runtime: 'hollow' });
    const taken = membersOfKind(first, 'lb')[0]!.ports.api!;
    const second = plan({ runtime: 'hollow', isFree: (port) => port !== taken });
    expect(membersOfKind(second, 'lb')[0]!.ports.api).not.toBe(taken);
  });

  it('puts a containerd and an agent into each worker, and none where nodes are hollow', () => {
    const real = plan({ hollow: 10 });
    expect(membersOfKind(real, 'containerd').map((member) => member.name)).toEqual([
      'worker-1-containerd',
      'worker-2-containerd',
    ]);
    expect(real.members.find((member) => member.name === 'worker-1')?.hollowNodes).toBeUndefined();
    const hollow = plan({ runtime: 'hollow' });
    expect(membersOfKind(hollow, 'containerd')).toEqual([]);
    expect(membersOfKind(hollow, 'agent').map((member) => member.hollowNodes)).toEqual([1, 1]);
    expect(hollow.members.every((member) => member.address === '127.0.0.1')).toBe(true);
  });

  it('refuses numbers out of bounds by name', () => {
    expect(() => plan({ masters: 0 })).toThrow('--masters 0');
    expect(() => plan({ workers: 1000 })).toThrow('--workers 1000');
    expect(() => plan({ hollow: 1.5 })).toThrow('--hollow 1.5');
  });
});

describe('dual stack', () => {
  it('gives hosts, pods and Services ranges of IPv6 that do not overlap, and each host an address', () => {
    const cluster = plan({ ipFamily: 'dual', hash: 'abcdef0123456789' });
    expect(cluster.network.ipv6).toEqual({
      hostCidr: 'fdab:cdef:0123:1::/64',
      podCidr: 'fdab:cdef:0123:8000::/49',
      serviceCidr: 'fdab:cdef:0123:2::/108',
    });
    const worker = cluster.members.find(({ name }) => name === 'worker-2')!;
    expect(ipv6AddressOf(cluster, worker.address)).toBe('fdab:cdef:0123:1::66');
    expect(ipv6AddressOf(plan(), worker.address)).toBeUndefined();
  });
});

describe('nodeNames', () => {
  it('is the name itself for one node, numbered for many', () => {
    const member = { name: 'hollow', kind: 'agent', address: '', ports: {} } as const;
    expect(nodeNames({ ...member, hollowNodes: 1 })).toEqual(['hollow']);
    expect(nodeNames({ ...member, hollowNodes: 3 })).toEqual(['hollow-1', 'hollow-2', 'hollow-3']);
  });
});

describe('parseCidr', () => {
  it('reads ranges and addresses, and refuses the rest', () => {
    expect(parseCidr('10.1.2.3/24')).toEqual(parseCidr('10.1.2.0/24'));
    expect(parseCidr('255.255.255.255').prefixLength).toBe(32);
    for (const wrong of ['', '10.0.0', '10.0.0.256', '10.0.0.0/33', 'fd00::/8'])
      expect(() => parseCidr(wrong)).toThrow();
  });
});
