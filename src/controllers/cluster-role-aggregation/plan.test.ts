import { expect, test } from 'vitest';
import type { ClusterRole } from '../../api/generated/types/rbac-v1.ts';
import { planAggregation } from './plan.ts';

const rule = (resource: string) => ({ verbs: ['get'], apiGroups: [''], resources: [resource] });
const part = (name: string, labels: Record<string, string>, ...resources: string[]): ClusterRole => ({
  metadata: { name, labels },
  rules: resources.map(rule),
});
const whole: ClusterRole = {
  metadata: { name: 'view', labels: { to: 'view' } },
  aggregationRule: { clusterRoleSelectors: [{ matchLabels: { to: 'view' } }, { matchLabels: { to: 'all' } }] },
};

test('rules of all matching roles, in order of name, each once, and not its own', () => {
  const roles = [
    part('b', { to: 'view' }, 'pods', 'nodes'),
    part('a', { to: 'all' }, 'pods'),
    part('c', {}, 'secrets'),
    whole,
  ];
  expect(planAggregation(whole, roles)).toEqual([rule('pods'), rule('nodes')]);
});

test('nothing to do for a plain role, and when all is as it should be', () => {
  const roles = [part('a', { to: 'all' }, 'pods')];
  expect(planAggregation(part('x', {}, 'pods'), roles)).toBeUndefined();
  expect(planAggregation({ ...whole, rules: [rule('pods')] }, roles)).toBeUndefined();
  expect(planAggregation({ ...whole, rules: [rule('pods')] }, [])).toEqual([]);
});
