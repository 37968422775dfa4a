import { describe, expect, test } from 'vitest';
import { builtInSchemas } from '../schema/schema.ts';
import { apiVersionOf } from '../types.ts';
import { context, create, findings, kind, registry, update } from './testing/harness.ts';

const schemas = builtInSchemas();

describe.each(
  registry.definitions.map((definition) => [`${apiVersionOf(definition)} ${definition.kind}`, definition] as const),
)('%s', (name, definition) => {
  test('has a schema for itself and its list, is found both ways, and survives an object without anything in it', () => {
    expect(schemas.get(definition.schema).properties).toHaveProperty('metadata');
    expect(schemas.get(`${definition.schema}List`).properties).toHaveProperty('items');
    expect(registry.find(definition)).toBe(definition);
    expect(registry.findKind(definition)).toBe(definition);
    const { strategy } = definition;
    const empty = create(name, {});
    strategy.validate?.(empty);
    strategy.validateCreate?.(empty);
    strategy.prepareForUpdate?.(empty, create(name, {}), context);
    strategy.prepareForStatusUpdate?.(empty, create(name, {}), context);
    strategy.validateUpdate?.(empty, create(name, {}));
    const served = definition.stored?.fromStored(empty) ?? empty;
    for (const column of definition.columns) expect(column.cell(served, 0)).toBeDefined();
  });
});

describe('Deployment', () => {
  const template = { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'a', image: 'nginx' }] } };
  const deployment = { metadata: { name: 'web' }, spec: { selector: { matchLabels: { app: 'web' } }, template } };

  test('defaults as upstream, template included', () => {
    const { spec, status, metadata } = create('Deployment', deployment);
    expect(spec).toMatchObject({
      replicas: 1,
      revisionHistoryLimit: 10,
      progressDeadlineSeconds: 600,
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } },
      template: { spec: { restartPolicy: 'Always', containers: [{ imagePullPolicy: 'Always' }] } },
    });
    expect(spec).not.toHaveProperty('template.spec.enableServiceLinks');
    expect(status).toEqual({});
    expect(metadata?.generation).toBe(1);
    expect(findings('Deployment', deployment)).toEqual([]);
  });

  test('selector and template must belong together, and the selector stays', () => {
    const other = { ...deployment.spec, selector: { matchLabels: { app: 'db' } } };
    expect(findings('Deployment', { spec: other })).toEqual([
      'spec.template.metadata.labels: Invalid value: {"app":"web"}: `selector` does not match template `labels`',
    ]);
    expect(findings('Deployment', { spec: { template } })).toContain('spec.selector: Required value');
    expect(findings('Deployment', { spec: { ...deployment.spec, selector: {} } })).toContain(
      'spec.selector: Invalid value: {}: empty selector is invalid for deployment',
    );
    const changed = update('Deployment', deployment, (object) => {
      object.spec = other;
    });
    expect(changed.fields).toEqual(['spec.selector']);
  });

  test('numbers, strategies and restart policies are checked', () => {
    const spec = {
      ...deployment.spec,
      replicas: -1,
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 0, maxUnavailable: '0%' } },
      template: { ...template, spec: { ...template.spec, restartPolicy: 'Never' } },
    };
    expect(findings('Deployment', { spec })).toEqual([
      'spec.replicas: Invalid value: -1: must be greater than or equal to 0',
      'spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"',
      'spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "0%": may not be 0 when `maxSurge` is 0',
    ]);
  });

  test('the generation moves with the spec only', () => {
    const scaled = update('Deployment', deployment, (object) => {
      object.spec = { ...(object.spec as object), replicas: 5 };
    });
    expect(scaled.object.metadata?.generation).toBe(2);
    const labelled = update('Deployment', deployment, (object) => {
      object.metadata = { ...object.metadata, labels: { a: 'b' } };
      object.status = { replicas: 99 };
    });
    expect(labelled.object.metadata?.generation).toBe(1);
    expect(labelled.object.status).toEqual({});
  });
});

describe('Service', () => {
  const service = { metadata: { name: 'web' }, spec: { ports: [{ port: 80 }] } };

  test('defaults, and no address that nobody allocated', () => {
    const { spec, status } = create('Service', service);
    expect(spec).toEqual({
      type: 'ClusterIP',
      sessionAffinity: 'None',
      internalTrafficPolicy: 'Cluster',
      ports: [{ port: 80, protocol: 'TCP', targetPort: 80 }],
    });
    expect(status).toEqual({ loadBalancer: {} });
  });

  test('ports must be there, named when several, and unique', () => {
    expect(findings('Service', { spec: {} })).toContain('spec.ports: Required value');
    expect(findings('Service', { spec: { clusterIP: 'None' } })).toEqual([]);
    expect(findings('Service', { spec: { ports: [{ port: 80 }, { port: 80 }] } })).toEqual([
      'spec.ports[0].name: Required value',
      'spec.ports[1].name: Required value',
      'spec.ports[1]: Duplicate value: "TCP/80"',
    ]);
    expect(findings('Service', { spec: { ports: [{ port: 80, nodePort: 30_080 }] } })).toEqual([
      "spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'",
    ]);
    expect(findings('Service', { spec: { type: 'Tunnel', ports: [{ port: 80 }] } })[0]).toContain('Unsupported value');
    expect(kind('Service').strategy.validateName?.('1web')).toContain('DNS-1035');
  });

  test('an address stays: kept when left out, refused when changed', () => {
    const given = { spec: { clusterIP: '10.0.0.1', ports: [{ port: 80 }] } };
    const left = update('Service', given, (object) => {
      object.spec = { ports: [{ port: 81 }] };
    });
    expect(left.object.spec).toMatchObject({ clusterIP: '10.0.0.1', clusterIPs: ['10.0.0.1'] });
    expect(left.fields).toEqual([]);
    const changed = update('Service', given, (object) => {
      object.spec = { clusterIP: '10.0.0.2', ports: [{ port: 80 }] };
    });
    expect(changed.fields).toEqual(['spec.clusterIPs[0]']);
  });
});

describe('ConfigMap and Secret', () => {
  test('keys and sizes are checked', () => {
    expect(findings('ConfigMap', { data: { 'a/b': '' } })[0]).toContain(
      'data[a/b]: Invalid value: "a/b": a valid config key',
    );
    expect(findings('ConfigMap', { data: { a: 'x'.repeat(1024 * 1024 + 1) } })).toEqual([
      '[]: Too long: may not be more than 1048576 bytes',
    ]);
  });

  test('immutable means immutable', () => {
    const changed = update('ConfigMap', { immutable: true, data: { a: '1' } }, (object) => {
      object.data = { a: '2' };
      delete object.immutable;
    });
    expect(changed.fields).toEqual(['immutable', 'data']);
  });

  test('stringData becomes data and is gone', () => {
    const secret = create('Secret', { data: { a: 'MQ==', b: 'Mg==' }, stringData: { b: 'ü' } });
    expect(secret).toMatchObject({ type: 'Opaque', data: { a: 'MQ==', b: Buffer.from('ü').toString('base64') } });
    expect(secret).not.toHaveProperty('stringData');
  });

  test("a Secret's type says which keys it needs and stays", () => {
    expect(findings('Secret', { type: 'kubernetes.io/tls', data: { 'tls.crt': '' } })).toEqual([
      'data[tls.key]: Required value',
    ]);
    const changed = update('Secret', {}, (object) => {
      object.type = 'other';
    });
    expect(changed.fields).toEqual(['type']);
  });
});

describe('Namespace, Node and bindings', () => {
  test('a namespace is active, named by label and held by its finalizer', () => {
    expect(create('Namespace', { metadata: { name: 'a' } })).toMatchObject({
      metadata: { labels: { 'kubernetes.io/metadata.name': 'a' } },
      spec: { finalizers: ['kubernetes'] },
      status: { phase: 'Active' },
    });
    const changed = update('Namespace', { metadata: { name: 'a' } }, (object) => {
      object.spec = { finalizers: [] };
    });
    expect(changed.object.spec).toEqual({ finalizers: ['kubernetes'] });
  });

  test('a node registers with its status; taints are unique', () => {
    const node = create('Node', { metadata: { name: 'n' }, status: { capacity: { cpu: '4' } } });
    expect(node.status).toEqual({ capacity: { cpu: '4' }, allocatable: { cpu: '4' } });
    const taint = { key: 'a', effect: 'NoSchedule' };
    expect(findings('Node', { spec: { taints: [taint, taint] } })[0]).toContain('metadata.taints[1]: Duplicate value');
    expect(findings('Node', { spec: { taints: [{ key: 'a', effect: 'Never' }] } })[0]).toContain('Unsupported value');
  });

  test('what a binding grants stays', () => {
    const binding = { roleRef: { kind: 'Role', name: 'a', apiGroup: '' }, subjects: [{ kind: 'User', name: 'u' }] };
    const changed = update('RoleBinding', binding, (object) => {
      object.roleRef = { kind: 'Role', name: 'b' };
    });
    expect(changed.fields).toEqual(['roleRef']);
    expect(changed.object.subjects).toEqual([{ kind: 'User', name: 'u', apiGroup: 'rbac.authorization.k8s.io' }]);
  });
});
