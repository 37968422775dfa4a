import { describe, expect, it } from 'vitest';
import type { Node, Service, ServiceSpec } from '../api/generated/types/core-v1.ts';
import type { EndpointSlice } from '../api/generated/types/discovery-v1.ts';
import { ManualClock } from '../lib/clock.ts';
import { chooseHolder } from './bare-metal/holder.ts';
import { HolderProbe } from './bare-metal/holder-probe.ts';
import { freeAddress, isInPools, parsePool } from './bare-metal/pools.ts';
import { createBareMetalProvider, holderAnnotation, wishAnnotation } from './bare-metal/provider.ts';

function service(name: string, spec: ServiceSpec = {}, annotations?: Record<string, string>): Service {
  return {
    metadata: { namespace: 'ns', name, ...(annotations && { annotations }) },
    spec: { type: 'LoadBalancer', ...spec },
  };
}

function node(name: string, ready = 'True', labels: Record<string, string> = {}): Node {
  return { metadata: { name, labels }, status: { conditions: [{ type: 'Ready', status: ready }] } } as Node;
}

function slice(...nodeNames: string[]): EndpointSlice {
  return { addressType: 'IPv4', endpoints: nodeNames.map((nodeName, i) => ({ addresses: [`10.0.0.${i}`], nodeName })) };
}

const nodes = [node('a'), node('b'), node('c')];
const none = new Set<string>();

describe('pools', () => {
  it('are blocks without their ends, or what lies between two addresses', () => {
    expect(parsePool('192.0.2.0/30')).toMatchObject({ size: 2n });
    const pool = parsePool('192.0.2.9 - 192.0.2.10');
    expect(freeAddress([pool], 'IPv4', new Set())).toBe('192.0.2.9');
    expect(freeAddress([pool], 'IPv4', new Set(['192.0.2.9']))).toBe('192.0.2.10');
    expect(freeAddress([pool], 'IPv4', new Set(['192.0.2.9', '192.0.2.10']))).toBeUndefined();
    expect(freeAddress([pool], 'IPv6', new Set())).toBeUndefined();
    expect(freeAddress([parsePool('fd00::5-fd00::9')], 'IPv6', new Set())).toBe('fd00::5');
    expect([isInPools([pool], '192.0.2.10'), isInPools([pool], '192.0.2.11'), isInPools([pool], '::1')]).toEqual([
      true,
      false,
      false,
    ]);
  });

  it('that make no sense are refused', () => {
    for (const wrong of ['', 'x', '192.0.2.1', '192.0.2.9-192.0.2.1', '192.0.2.1-fd00::1', '1.1.1.1-1.1.1.2-1.1.1.3'])
      expect(() => parsePool(wrong)).toThrow(RangeError);
  });
});

describe('the holder of an address', () => {
  it('stays as long as it can, and is one of the healthy nodes', () => {
    const first = chooseHolder(service('web'), nodes, [], none, undefined)!;
    expect(chooseHolder(service('web'), nodes, [], none, first)).toBe(first);
    const other = chooseHolder(service('web'), nodes, [], new Set([first]), first)!;
    expect(other).not.toBe(first);
    expect(chooseHolder(service('web'), nodes, [], none, other)).toBe(other);
    const excluded = node('b', 'True', { 'node.kubernetes.io/exclude-from-external-load-balancers': '' });
    expect(chooseHolder(service('web'), [node('a', 'False'), excluded, node('c')], [], none, 'a')).toBe('c');
    expect(chooseHolder(service('web'), [], [], none, 'a')).toBeUndefined();
  });

  it('has endpoints where traffic must stay on the node', () => {
    const local = service('web', { externalTrafficPolicy: 'Local' });
    expect(chooseHolder(local, nodes, [slice('b')], none, 'a')).toBe('b');
    expect(chooseHolder(local, nodes, [], none, 'a')).toBeUndefined();
  });

  it('differs from Service to Service', () => {
    const holders = Array.from({ length: 30 }, (_, i) => chooseHolder(service(`s${i}`), nodes, [], none, undefined));
    expect(new Set(holders).size).toBe(3);
  });
});

describe('the bare-metal provider', () => {
  const make = () =>
    createBareMetalProvider({ pools: [parsePool('192.0.2.1-192.0.2.2')], silent: () => none }).loadBalancers;
  const around = (...services: Service[]) => ({ nodes, endpointSlices: [], services });

  it('gives each Service an address of its own, keeps it, and takes back what is released', async () => {
    const provider = make();
    const ips = async (it: Service) => (await provider.ensure(it, around(it))).ingress.map(({ ip }) => ip).join();
    expect(await ips(service('a'))).toBe('192.0.2.1');
    expect(await ips(service('b'))).toBe('192.0.2.2');
    expect(await ips(service('a'))).toBe('192.0.2.1');
    await expect(ips(service('c'))).rejects.toThrow(
      'the pools of load balancers have no address of the family IPv4 left',
    );
    await provider.release('ns/a');
    expect(await ips(service('c'))).toBe('192.0.2.1');
  });

  it('goes by what Services show after it was started anew', async () => {
    const shown: Service = { ...service('a'), status: { loadBalancer: { ingress: [{ ip: '192.0.2.1' }] } } };
    const { ingress, annotations } = await make().ensure(service('b'), around(shown));
    expect(ingress).toEqual([{ ip: '192.0.2.2', ipMode: 'VIP' }]);
    expect(nodes.map(({ metadata }) => metadata!.name)).toContain(annotations[holderAnnotation]);
  });

  it('heeds wishes, or says why not', async () => {
    const provider = make();
    const wish = (name: string, address: string) => {
      const it = service(name, {}, { [wishAnnotation]: address });
      return provider.ensure(it, around(it));
    };
    expect((await wish('a', '192.0.2.2')).ingress[0]!.ip).toBe('192.0.2.2');
    await expect(wish('b', '192.0.2.2')).rejects.toThrow('the address 192.0.2.2 belongs to another Service');
    await expect(wish('b', '192.0.2.9')).rejects.toThrow('is in none of the pools');
    await expect(wish('b', 'nonsense')).rejects.toThrow('"nonsense" is no address');
  });
});

describe('HolderProbe', () => {
  it('calls a holder silent after two missed answers, and hears it again', async () => {
    let there = true;
    let changes = 0;
    const probe = new HolderProbe({
      clock: new ManualClock(),
      signal: new AbortController().signal,
      holders: () => [{ name: 'a', host: '', port: 1 }],
      onChange: () => changes++,
      isThere: async () => there,
    });
    const round = async () => {
      await probe.probe();
      return [...probe.silent].join();
    };
    expect(await round()).toBe('');
    there = false;
    expect([await round(), await round(), await round()]).toEqual(['', 'a', 'a']);
    there = true;
    expect([await round(), changes]).toEqual(['', 2]);
  });
});
