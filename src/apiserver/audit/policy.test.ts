import { expect, test } from 'vitest';
import { parseRequestInfo } from '../http/request-info.ts';
import { decide, parsePolicy } from './policy.ts';

const head = 'apiVersion: audit.k8s.io/v1\nkind: Policy\n';
const info = (path: string, method = 'GET') => parseRequestInfo(method, path, new URLSearchParams());
const jane = { name: 'jane', groups: ['dev'] };

const policy = parsePolicy(`${head}omitStages: [RequestReceived]
rules:
- {level: None, users: [root]}
- {level: RequestResponse, resources: [{group: "", resources: [pods, "pods/*"], resourceNames: [p]}]}
- {level: Request, verbs: [create], namespaces: [prod], omitStages: [ResponseStarted], omitManagedFields: true}
- {level: Metadata, resources: [{group: apps}, {group: "", resources: ["*/scale"]}]}
- {level: None, nonResourceURLs: ["/healthz*", "/version"]}
- {level: Metadata, nonResourceURLs: ["*"], userGroups: [dev]}
`);

test.each([
  ['/api/v1/namespaces/a/pods/p', 'GET', 'RequestResponse'],
  ['/api/v1/namespaces/a/pods/p/log', 'GET', 'RequestResponse'],
  ['/api/v1/namespaces/a/pods/q', 'GET', 'None'],
  ['/api/v1/namespaces/prod/secrets', 'POST', 'Request'],
  ['/apis/apps/v1/deployments', 'GET', 'Metadata'],
  ['/api/v1/namespaces/a/replicationcontrollers/x/scale', 'GET', 'Metadata'],
  ['/healthz/ping', 'GET', 'None'],
  ['/metrics', 'GET', 'Metadata'],
])('the first rule that fits decides: %s %s', (path, method, level) => {
  expect(decide(policy, jane, info(path, method)).level).toBe(level);
});

test('users are left out, stages add up, managed fields follow the rule', () => {
  expect(decide(policy, { name: 'root', groups: [] }, info('/api/v1/namespaces/a/pods/p')).level).toBe('None');
  const decision = decide(policy, jane, info('/api/v1/namespaces/prod/secrets', 'POST'));
  expect([...decision.omitStages]).toEqual(['RequestReceived', 'ResponseStarted']);
  expect(decision.omitManagedFields).toBe(true);
});

test.each([
  ['rules: [', 'the audit policy is no YAML'],
  ['kind: Pod', 'must be of kind Policy'],
  [head, 'has no rules'],
  [`${head}rules: [{level: Everything}]`, 'rules[0].level is "Everything"; expected one of None, Metadata'],
  [`${head}rules: [{level: None, nonResourceURLs: [/x], namespaces: [a]}]`, 'not about both'],
  [`${head}rules: [{level: None, omitStages: [Never]}]`, 'rules[0].omitStages names "Never"'],
])('what is wrong with a policy is told: %j', (text, message) => {
  expect(() => parsePolicy(text)).toThrow(message);
});
