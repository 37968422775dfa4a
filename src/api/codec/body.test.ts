import fc from 'fast-check';
import { expect, test } from 'vitest';
import { deploymentDefinition } from '../kinds/deployment/definition.ts';
import { podDefinition } from '../kinds/pod/definition.ts';
import { secretDefinition } from '../kinds/secret/definition.ts';
import { builtInSchemas } from '../schema/schema.ts';
import type { ApiError } from '../status.ts';
import { decodeBody, type FieldValidation } from './body.ts';
import { findDuplicateJsonFields } from './json-duplicates.ts';
import { parseYaml } from './yaml.ts';

const schemas = builtInSchemas();

function decode(
  definition: typeof podDefinition,
  body: unknown,
  fieldValidation: FieldValidation = 'Strict',
  contentType: string | undefined = undefined,
) {
  const warnings: string[] = [];
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const warn = (message: string) => warnings.push(message);
  return {
    object: decodeBody(schemas, definition, Buffer.from(text), contentType, { fieldValidation, warn }),
    warnings,
  };
}

function failure(run: () => unknown): ApiError {
  try {
    run();
  } catch (error) {
    return error as ApiError;
  }
  throw new Error('nothing was thrown');
}

test('a wrong type is told with struct, path and type as kube-apiserver does', () => {
  const error = failure(() => decode(deploymentDefinition, { spec: { replicas: '3' } }));
  expect(error.reason).toBe('BadRequest');
  expect(error.message).toBe(
    'Deployment in version "v1" cannot be handled as a Deployment: ' +
      'json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32',
  );
  const port = { spec: { containers: [{ name: 'a', ports: [{ containerPort: 'http' }] }] } };
  expect(failure(() => decode(podDefinition, port)).message).toContain(
    'json: cannot unmarshal string into Go struct field ContainerPort.spec.containers.ports.containerPort of type int32',
  );
  const labels = { metadata: { labels: { a: 1 } } };
  expect(failure(() => decode(podDefinition, labels)).message).toContain(
    'json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string',
  );
  expect(failure(() => decode(deploymentDefinition, { spec: { replicas: 1.5 } })).message).toContain(
    'cannot unmarshal number 1.5 into',
  );
});

test('strict validation refuses unknown and repeated fields, Warn tells them, Ignore is silent', () => {
  const body =
    '{"spec":{"foo":1,"replicas":1,"replicas":2,"template":{"spec":{"containers":[{"name":"a","imag":"x"}]}}}}';
  expect(failure(() => decode(deploymentDefinition, body)).message).toBe(
    'Deployment in version "v1" cannot be handled as a Deployment: strict decoding error: unknown field "spec.foo", ' +
      'unknown field "spec.template.spec.containers[0].imag", duplicate field "spec.replicas"',
  );
  const warned = decode(deploymentDefinition, body, 'Warn');
  expect(warned.warnings).toContain('unknown field "spec.foo"');
  expect(warned.object.spec).toEqual({ replicas: 2, template: { spec: { containers: [{ name: 'a' }] } } });
  expect(decode(deploymentDefinition, body, 'Ignore').warnings).toEqual([]);
});

test('YAML bodies decode as JSON ones do, repeated keys included', () => {
  const yaml = 'kind: Pod\nspec:\n  hostNetwork: false\n  hostNetwork: true\n';
  expect(failure(() => decode(podDefinition, yaml, 'Strict', 'application/yaml')).message).toContain(
    'duplicate field "spec.hostNetwork"',
  );
  const { object } = decode(podDefinition, yaml, 'Ignore', 'application/yaml; charset=utf-8');
  expect(object).toEqual({ apiVersion: 'v1', kind: 'Pod', spec: { hostNetwork: true } });
});

test('null means absent, quantities and times become canonical, base64 is checked', () => {
  const container = { name: 'a', command: null, resources: { limits: { cpu: 0.5, memory: '1024Mi' } } };
  const body = { metadata: { creationTimestamp: null, deletionTimestamp: '2026-01-02T03:04:05.678+02:00' } };
  const { object } = decode(podDefinition, { ...body, spec: { containers: [container] } });
  expect(object.metadata).toEqual({ deletionTimestamp: '2026-01-02T01:04:05Z' });
  expect(object.spec).toEqual({
    containers: [{ name: 'a', resources: { limits: { cpu: '500m', memory: '1Gi' } } }],
  });
  expect(failure(() => decode(secretDefinition, { data: { a: 'not base64!' } })).message).toContain(
    'illegal base64 data at input byte 3',
  );
  expect(decode(secretDefinition, { data: { a: null } }).object.data).toEqual({ a: '' });
});

test('another kind, another version and another media type are refused', () => {
  expect(failure(() => decode(podDefinition, { apiVersion: 'v1', kind: 'Service' })).message).toContain(
    'Service in version "v1" cannot be handled as a Pod',
  );
  expect(failure(() => decode(deploymentDefinition, { apiVersion: 'apps/v1beta1', kind: 'Deployment' })).message).toBe(
    'the API version in the data (apps/v1beta1) does not match the expected API version (apps/v1)',
  );
  expect(failure(() => decode(podDefinition, '', 'Strict', 'text/plain')).code).toBe(415);
  expect(failure(() => decode(podDefinition, '{', 'Strict')).code).toBe(400);
  expect(failure(() => decode(podDefinition, '['.repeat(5000) + ']'.repeat(5000))).code).toBe(400);
});

test('findDuplicateJsonFields() finds a repeated key wherever it is put, and none elsewhere', () => {
  const keys = fc.string();
  fc.assert(
    fc.property(fc.dictionary(keys, fc.jsonValue()), fc.jsonValue(), keys, (object, value, key) => {
      const text = JSON.stringify({ list: [object, value] }, undefined, 1);
      expect(findDuplicateJsonFields(text)).toEqual([]);
      const twice = `{"a":[0,{${JSON.stringify(key)}:${JSON.stringify(value)} , ${JSON.stringify(key)}:1}]}`;
      expect(findDuplicateJsonFields(twice)).toEqual([`a[1].${key}`]);
    }),
  );
});

test('parseYaml() refuses broken text and alias bombs', () => {
  expect(() => parseYaml('a: [')).toThrow(/yaml/);
  const levels = Array.from({ length: 9 }, (_, i) => `l${i + 1}: &l${i + 1} [${Array(9).fill(`*l${i}`).join(', ')}]`);
  expect(() => parseYaml(['l0: &l0 x', ...levels].join('\n'))).toThrow(/alias/i);
});

test.each([{ kind: { toString: 1 } }, { apiVersion: { toString: 1 } }])(
  'a type that is no text is told: %j',
  (body) => {
    expect(failure(() => decode(podDefinition, body))).toMatchObject({
      code: 400,
      message: expect.stringContaining('{"toString":1}'),
    });
  },
);
