import { expect, test } from 'vitest';
import type {
  ValidatingAdmissionPolicyBindingSpec,
  ValidatingAdmissionPolicySpec,
} from '../../../api/generated/types/admissionregistration-v1.ts';
import { type KubernetesObject, resources } from '../../../api/types.ts';
import { configMap, createTestApi } from '../../testing/test-api.ts';

const of = (resource: string) => ({ group: 'admissionregistration.k8s.io', version: 'v1', resource });
const configMaps = { group: '', version: 'v1', resource: 'configmaps' };
const rules = [{ operations: ['CREATE', 'UPDATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'] }];

async function apiWith(
  policy: Partial<ValidatingAdmissionPolicySpec>,
  binding: Partial<ValidatingAdmissionPolicyBindingSpec> = {},
) {
  const test = await createTestApi({ policy: true });
  const meta = { apiVersion: 'admissionregistration.k8s.io/v1', metadata: { name: 'p' } };
  const spec = { matchConstraints: { resourceRules: rules }, ...policy };
  await test.client.create(of('validatingadmissionpolicies'), {
    ...meta,
    kind: 'ValidatingAdmissionPolicy',
    spec,
  } as never);
  await test.client.create(of('validatingadmissionpolicybindings'), {
    ...meta,
    metadata: { name: 'b' },
    kind: 'ValidatingAdmissionPolicyBinding',
    spec: { policyName: 'p', validationActions: ['Deny'], ...binding },
  } as never);
  return test;
}

test('what a validation does not hold for is refused, in upstream words', async () => {
  const { client } = await apiWith({
    validations: [{ expression: "object.data.size() <= 1 && request.operation == 'CREATE'", message: 'one is enough' }],
  });
  await client.create(configMaps, configMap('good', { a: '1' }));
  await expect(client.create(configMaps, configMap('bad', { a: '1', b: '2' }))).rejects.toMatchObject({
    code: 422,
    reason: 'Invalid',
    message: `configmaps "bad" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: one is enough`,
    details: { name: 'bad', kind: 'configmaps' },
  });
});

test('variables build on each other; messages come from an expression, else from the rule, else from its source', async () => {
  const { client } = await apiWith({
    variables: [
      { name: 'count', expression: 'object.data.size()' },
      { name: 'tooMany', expression: 'variables.count > 1' },
    ],
    validations: [
      { expression: '!variables.tooMany', messageExpression: "'has ' + string(variables.count)", reason: 'Forbidden' },
    ],
  });
  await expect(client.create(configMaps, configMap('c', { a: '1', b: '2' }))).rejects.toMatchObject({
    code: 403,
    message: expect.stringContaining('denied request: has 2'),
  });
  await client.create(configMaps, configMap('c', { a: '1' }));
});

test('an error in an expression follows the failure policy', async () => {
  const validations = [{ expression: "object.data.missing == 'x'" }];
  const closed = await apiWith({ validations });
  await expect(closed.client.create(configMaps, configMap('c', { a: '1' }))).rejects.toThrow(
    "denied request: expression 'object.data.missing == 'x'' resulted in error: no such key: missing",
  );
  const open = await apiWith({ validations, failurePolicy: 'Ignore' });
  await open.client.create(configMaps, configMap('c', { a: '1' }));
});

test('params: by name and by selector, and what happens without', async () => {
  const policy = {
    paramKind: { apiVersion: 'v1', kind: 'ConfigMap' },
    matchConditions: [{ name: 'not-limits', expression: "object.metadata.name != 'limits'" }],
    validations: [{ expression: 'object.data.size() <= int(params.data.max)' }],
  };
  const { client } = await apiWith(policy, {
    paramRef: { name: 'limits', namespace: 'default', parameterNotFoundAction: 'Deny' },
  });
  await expect(client.create(configMaps, configMap('c'))).rejects.toThrow(
    'failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction',
  );
  await client.create(configMaps, configMap('limits', { max: '1' })).catch(() => undefined);
  const free = await apiWith(policy, { paramRef: { selector: {}, parameterNotFoundAction: 'Allow' } });
  await free.client.create(configMaps, configMap('limits', { max: '1' }));
  await free.client.create(configMaps, configMap('one', { max: '1' }));
  await expect(free.client.create(configMaps, configMap('two', { max: '2', b: '2' }))).rejects.toThrow(
    'failed expression',
  );
});

test('warnings and audit annotations instead of a refusal', async () => {
  const { api } = await apiWith(
    {
      validations: [{ expression: 'false', message: 'never' }],
      auditAnnotations: [{ key: 'name', valueExpression: 'string(object.metadata.name)' }],
    },
    { validationActions: ['Warn', 'Audit'] },
  );
  const warnings: string[] = [];
  const annotations: Record<string, string> = {};
  const context = {
    user: { name: 'u', groups: ['system:masters'] },
    warn: (message: string) => void warnings.push(message),
    annotate: (key: string, value: string) => {
      annotations[key] = value;
    },
  };
  await api.create(context, { resource: configMaps, namespace: 'default' }, { object: configMap('c') });
  expect(warnings).toEqual(["Validation failed for ValidatingAdmissionPolicy 'p' with binding 'b': never"]);
  expect(annotations['p/name']).toBe('c');
  expect(JSON.parse(annotations['validation.policy.admission.k8s.io/validation_failure']!)).toEqual([
    { message: 'never', policy: 'p', binding: 'b', expressionIndex: 0, validationActions: ['Warn', 'Audit'] },
  ]);
});

test('the namespace, who asks, and what they may do', async () => {
  const { client, clientFor } = await apiWith({
    validations: [
      { expression: "namespaceObject.metadata.name == 'default'" },
      { expression: "request.userInfo.username != 'eve'", message: 'not eve' },
      { expression: "authorizer.group('').resource('secrets').namespace('kube-system').check('delete').allowed()" },
      { expression: "authorizer.requestResource.check('create').allowed()" },
    ],
  });
  await client.create(configMaps, configMap('c'));
  const eve = clientFor({ name: 'eve', groups: ['system:masters'] });
  await expect(eve.create(configMaps, configMap('d'))).rejects.toThrow('not eve');
});

test('namespaces are selected; a binding narrows what its policy takes', async () => {
  const { client } = await apiWith(
    { validations: [{ expression: 'false' }] },
    { matchResources: { namespaceSelector: { matchLabels: { strict: 'yes' } }, matchPolicy: 'Equivalent' } },
  );
  await client.create(configMaps, configMap('c'));
  const strict = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 's', labels: { strict: 'yes' } } };
  await client.create(resources.namespaces, strict as KubernetesObject);
  const inside = { ...configMap('c'), metadata: { name: 'c', namespace: 's' } };
  await expect(client.create(configMaps, inside)).rejects.toThrow('failed expression: false');
});

test('what does not compile is refused where it is written', async () => {
  const attempt = apiWith({ validations: [{ expression: 'object.spec.replicas >' }] });
  await expect(attempt).rejects.toMatchObject({ reason: 'Invalid' });
  await expect(attempt).rejects.toThrow('compilation failed');
  await expect(apiWith({ validations: [{ expression: "'text'" }] })).rejects.toThrow(
    'must evaluate to bool but got string',
  );
  await expect(apiWith({ validations: [{ expression: 'params.x == 1' }] })).rejects.toThrow(
    "undeclared reference to 'params'",
  );
});
