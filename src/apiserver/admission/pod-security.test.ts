import { expect, test } from 'vitest';
import { type KubernetesObject, resources } from '../../api/types.ts';
import { createTestApi, pod, serviceAccount } from '../testing/test-api.ts';

const labels = (mode: string, level: string) => ({ [`pod-security.kubernetes.io/${mode}`]: level });
const inStrict = (object: KubernetesObject) => ({ ...object, metadata: { ...object.metadata, namespace: 'strict' } });

async function apiWith(own: Record<string, string>) {
  const { api, client } = await createTestApi();
  await client.create(resources.namespaces, {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: 'strict', labels: own },
  });
  await client.create(resources.serviceAccounts, inStrict(serviceAccount('default')));
  const warnings: string[] = [];
  const context = {
    user: { name: 'u', groups: ['system:masters'] },
    warn: (message: string) => void warnings.push(message),
  };
  return { api, client, warnings, context };
}

test('what the namespace enforces is refused; elsewhere it is not', async () => {
  const { client } = await apiWith(labels('enforce', 'baseline'));
  const bad = pod('bad');
  Object.assign(bad.spec as object, { hostNetwork: true });
  await expect(client.create(resources.pods, inStrict(bad) as never)).rejects.toThrow(
    'pods "bad" is forbidden: violates PodSecurity "baseline:latest": host namespaces (hostNetwork=true)',
  );
  await client.create(resources.pods, bad as never);
  await client.create(resources.pods, inStrict(pod('good')) as never);
});

test('workloads are let in, with a warning', async () => {
  const { api, warnings, context } = await apiWith(labels('warn', 'restricted'));
  const spec = {
    selector: { matchLabels: { a: 'b' } },
    template: { metadata: { labels: { a: 'b' } }, spec: pod('x').spec },
  };
  const deployment = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'd', namespace: 'strict' }, spec };
  await api.create(context, { resource: resources.deployments, namespace: 'strict' }, { object: deployment });
  expect(warnings).toEqual([
    expect.stringMatching(/^would violate PodSecurity "restricted:latest": allowPrivilegeEscalation/),
  ]);
});

test('a namespace that becomes stricter tells which of its pods violate it; unreadable labels are Invalid', async () => {
  const { api, client, warnings, context } = await apiWith({});
  for (const name of ['b', 'a']) {
    const own = pod(name);
    Object.assign(own.spec as object, { hostNetwork: true });
    await client.create(resources.pods, inStrict(own) as never);
  }
  const patch = (level: string) => ({
    type: 'merge' as const,
    patch: { metadata: { labels: labels('enforce', level) } },
  });
  await api.patch(context, { resource: resources.namespaces, name: 'strict' }, patch('baseline'));
  expect(warnings).toEqual([
    'existing pods in namespace "strict" violate the new PodSecurity enforce level "baseline:latest"',
    'a (and 1 other pod): host namespaces',
  ]);
  const wrong = api.patch(context, { resource: resources.namespaces, name: 'strict' }, patch('none'));
  await expect(wrong).rejects.toThrow('must be one of privileged, baseline, restricted');
});
