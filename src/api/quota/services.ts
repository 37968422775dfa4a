import type { Service } from '../generated/types/core-v1.ts';
import { one, times, zero } from './amounts.ts';
import type { Evaluator } from './evaluator.ts';

const names = ['services', 'count/services', 'services.nodeports', 'services.loadbalancers'];

export const serviceEvaluator: Evaluator = {
  handles: ({ subresource }) => subresource === undefined,
  counts: (resource) => names.includes(resource),
  inScope: () => false,
  usage(object) {
    const { type, ports = [], allocateLoadBalancerNodePorts } = (object as Service).spec ?? {};
    const isBalanced = type === 'LoadBalancer';
    const given = isBalanced && allocateLoadBalancerNodePorts === false ? ports.filter((port) => port.nodePort) : ports;
    return {
      services: one,
      'count/services': one,
      'services.nodeports': isBalanced || type === 'NodePort' ? times(given.length) : zero,
      'services.loadbalancers': isBalanced ? one : zero,
    };
  },
};
