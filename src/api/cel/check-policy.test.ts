import { expect, test } from 'vitest';
import { createKindRegistry } from '../registry.ts';
import { builtInSchemas } from '../schema/schema.ts';
import { checkPolicy } from './check-policy.ts';

const rule = (group: string, resource: string) => ({
  apiGroups: [group],
  apiVersions: ['v1'],
  operations: ['CREATE'],
  resources: [resource],
});

function warningsOf(expressions: readonly string[], rules = [rule('apps', 'deployments')], rest: object = {}) {
  const validations = expressions.map((expression) => ({ expression }));
  const spec = { matchConstraints: { resourceRules: rules }, validations, ...rest };
  return checkPolicy(spec, createKindRegistry(), builtInSchemas());
}

test('what fits the kind is not mentioned', () => {
  const fine = [
    'object.spec.replicas > 1',
    "object.metadata.labels['a'] == 'b'",
    'object.metadata.creationTimestamp < timestamp("2030-01-01T00:00:00Z")',
    'object.spec.template.spec.containers.all(c, c.image.startsWith("x") && c.resources.requests["cpu"] != "")',
    'oldObject == null || object.spec.selector == oldObject.spec.selector',
  ];
  expect(warningsOf(fine)).toEqual([]);
});

test('fields that the kind does not have, and types that do not go together, are told with their kind', () => {
  expect(warningsOf(['object.spec.replica > 1', "object.spec.replicas > '1'"])).toEqual([
    {
      fieldRef: 'spec.validations[0].expression',
      warning: expect.stringMatching(
        /^apps\/v1, Kind=Deployment: compilation failed: ERROR: <input>:1:12: undefined field 'replica'/,
      ),
    },
    {
      fieldRef: 'spec.validations[1].expression',
      warning: expect.stringContaining("found no matching overload for '_>_' applied to '(int, string)'"),
    },
  ]);
});

test('each kind by itself; wildcards are not looked at; variables and params have types, too', () => {
  const both = [rule('apps', 'deployments'), rule('', 'configmaps')];
  const [warning] = warningsOf(['object.spec.replicas > 1'], both);
  expect(warning?.warning).toMatch(/^\/v1, Kind=ConfigMap: .*undefined field 'spec'/);
  expect(warningsOf(['object.nonsense'], [rule('apps', '*')])).toEqual([]);
  const variables = [{ name: 'count', expression: 'object.spec.replicas' }];
  expect(warningsOf(["variables.count == 'x'"], undefined, { variables })).toHaveLength(1);
  const paramKind = { apiVersion: 'v1', kind: 'ConfigMap' };
  expect(warningsOf(['params.data.max == "1"', 'params.spec == null'], undefined, { paramKind })).toHaveLength(1);
});
