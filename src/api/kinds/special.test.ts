import { expect, test } from 'vitest';
import type { KubernetesObject } from '../types.ts';
import { context, create, kind } from './testing/harness.ts';

test('an autoscaler reads the same through both of its versions', () => {
  const { stored } = kind('autoscaling/v1 HorizontalPodAutoscaler');
  const v1 = {
    apiVersion: 'autoscaling/v1',
    kind: 'HorizontalPodAutoscaler',
    metadata: { name: 'a', annotations: { own: 'kept' } },
    spec: { scaleTargetRef: { kind: 'Deployment', name: 'web' }, maxReplicas: 3, targetCPUUtilizationPercentage: 70 },
    status: { currentReplicas: 1, desiredReplicas: 2 },
  };
  const v2 = stored!.toStored(v1 as KubernetesObject) as { spec: { metrics: object[]; behavior?: object } };
  expect(v2.spec.metrics).toEqual([
    { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 70 } } },
  ]);
  expect(stored!.fromStored(v2 as KubernetesObject)).toEqual(v1);

  const memory = { name: 'memory', target: { type: 'AverageValue', averageValue: '1Gi' } };
  v2.spec.metrics.push({ type: 'Resource', resource: memory });
  v2.spec.behavior = { scaleDown: { stabilizationWindowSeconds: 5 } };
  const shown = stored!.fromStored(v2 as KubernetesObject);
  expect(shown.metadata?.annotations).toMatchObject({
    own: 'kept',
    'autoscaling.alpha.kubernetes.io/metrics':
      '[{"type":"Resource","resource":{"name":"memory","targetAverageValue":"1Gi"}}]',
  });
  const back = stored!.toStored(shown) as typeof v2;
  expect(back.spec.behavior).toEqual(v2.spec.behavior);
  expect(back.spec.metrics).toHaveLength(2);
  expect(back.spec.metrics).toEqual(expect.arrayContaining(v2.spec.metrics));
});

test('a certificate request: approving and signing each write their own part only', () => {
  const { strategy } = kind('CertificateSigningRequest');
  const old = create('CertificateSigningRequest', {
    metadata: { name: 'a' },
    spec: { signerName: 'a.b/c', request: '' },
  });
  const approval = strategy.subresources!.approval!;
  const approved = structuredClone(old);
  approved.spec = { signerName: 'other/one' };
  approved.status = { certificate: 'eA==', conditions: [{ type: 'Approved', status: 'True', reason: 'r' }] };
  approval.prepareForUpdate(approved, old, context);
  expect(approval.validateUpdate(approved, old)).toEqual([]);
  expect(approved).toMatchObject({
    spec: { signerName: 'a.b/c' },
    status: { conditions: [{ type: 'Approved', lastUpdateTime: '2026-01-02T00:00:00Z' }] },
  });
  expect(approved.status).not.toHaveProperty('certificate');

  const signed = structuredClone(approved);
  signed.status = { conditions: [{ type: 'Denied', status: 'True' }] };
  strategy.prepareForStatusUpdate!(signed, approved, context);
  expect(signed.status).toMatchObject({ conditions: [{ type: 'Approved' }] });

  const undecided = structuredClone(approved);
  undecided.status = {};
  approval.prepareForUpdate(undecided, approved, context);
  expect(approval.validateUpdate(undecided, approved).map(({ reason }) => reason)).toEqual(['FieldValueForbidden']);
});

test("a Job's controller may not take back what it told", () => {
  const { strategy } = kind('Job');
  const template = { spec: { restartPolicy: 'Never', containers: [{ name: 'a', image: 'b' }] } };
  const job = create('Job', { metadata: { name: 'a', uid: 'u' }, spec: { template } });
  const withStatus = (status: object) => ({ ...structuredClone(job), status });
  const refused = (status: object, before: object = {}) =>
    strategy.validateStatusUpdate!(withStatus(status), withStatus(before)).map(({ field }) => field);
  const conditions = (...types: string[]) => types.map((type) => ({ type, status: 'True' }));
  const times = { startTime: '2026-01-01T00:00:00Z', completionTime: '2026-01-01T00:01:00Z' };
  expect(refused({ ...times, succeeded: 1, conditions: conditions('SuccessCriteriaMet', 'Complete') })).toEqual([]);
  expect(refused({ conditions: conditions('Complete') })).toEqual([
    'status.conditions',
    'status.startTime',
    'status.completionTime',
  ]);
  expect(refused({ failed: 1 }, { failed: 2 })).toEqual(['status.failed']);
  expect(refused({}, { conditions: conditions('FailureTarget') })).toEqual(['status.conditions']);
  expect(refused({ active: 1, ready: 2 })).toEqual(['status.ready']);
});
