import { expect, it } from 'vitest';
import type { Service } from '../../api/generated/types/core-v1.ts';
import { heldAddresses } from './announcer.ts';

it('heldAddresses are those of load balancers that this node was given', () => {
  const balancer = (name: string, holder: string, more: Partial<Service> = {}): Service => ({
    metadata: { name, annotations: { 'trimast.io/announced-by': holder } },
    spec: { type: 'LoadBalancer' },
    status: { loadBalancer: { ingress: [{ ip: `192.0.2.${name}` }, { hostname: 'x' }] } },
    ...more,
  });
  const services = [
    balancer('2', 'n1'),
    balancer('1', 'n1'),
    balancer('3', 'n2'),
    balancer('4', 'n1', { spec: { type: 'ClusterIP' } }),
    balancer('5', 'n1', { status: { loadBalancer: { ingress: [{ ip: '192.0.2.5', ipMode: 'Proxy' }] } } }),
  ];
  expect(heldAddresses(services, 'n1')).toEqual(['192.0.2.1', '192.0.2.2']);
});
