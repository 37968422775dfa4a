import { expect, test } from 'vitest';
import type { Pod, ServiceAccount } from '../../api/generated/types/core-v1.ts';
import { resources } from '../../api/types.ts';
import { createTestApi, pod, serviceAccount } from '../testing/test-api.ts';

const folder = '/var/run/secrets/kubernetes.io/serviceaccount';

async function api(account: Partial<ServiceAccount> = {}) {
  const { client } = await createTestApi();
  await client.create(resources.serviceAccounts, { ...serviceAccount('robot'), ...account } as never);
  const create = (spec: Partial<Pod['spec']> = {}) => {
    const plain = pod('p') as Pod;
    return client.create(resources.pods, { ...plain, spec: { ...plain.spec, ...spec } } as never) as Promise<Pod>;
  };
  return { create };
}

test('a pod runs as default, with a token, the CA and its namespace mounted in every container', async () => {
  const { create } = await api();
  const { spec } = await create({ initContainers: [{ name: 'i', image: 'x' }] });
  expect(spec).toMatchObject({ serviceAccountName: 'default', serviceAccount: 'default' });
  const [volume] = spec!.volumes!;
  expect(volume!.name).toMatch(/^kube-api-access-[a-z0-9]{5}$/);
  expect(volume!.projected!.sources!.map((source) => Object.keys(source)[0])).toEqual([
    'serviceAccountToken',
    'configMap',
    'downwardAPI',
  ]);
  for (const container of [...spec!.containers, ...spec!.initContainers!]) {
    expect(container.volumeMounts).toEqual([{ name: volume!.name, mountPath: folder, readOnly: true }]);
  }
});

test('a container that mounts something of its own there is left alone', async () => {
  const { create } = await api();
  const { spec } = await create({
    volumes: [{ name: 'own', emptyDir: {} }],
    containers: [{ name: 'main', image: 'x', volumeMounts: [{ name: 'own', mountPath: folder }] }],
  });
  expect(spec!.volumes).toHaveLength(1);
});

test('who does not want a token gets none: the pod decides before the account', async () => {
  const { create } = await api({ automountServiceAccountToken: false });
  expect((await create({ serviceAccountName: 'robot' })).spec!.volumes).toBeUndefined();
  const other = await api({ automountServiceAccountToken: false });
  const wanted = await other.create({ serviceAccountName: 'robot', automountServiceAccountToken: true });
  expect(wanted.spec!.volumes).toHaveLength(1);
});

test('the pull secrets of the account are the pod’s unless it has its own', async () => {
  const { create } = await api({ imagePullSecrets: [{ name: 'registry' }] });
  expect((await create({ serviceAccountName: 'robot' })).spec!.imagePullSecrets).toEqual([{ name: 'registry' }]);
});

test('an account that does not exist is refused', async () => {
  const { create } = await api();
  await expect(create({ serviceAccountName: 'nobody' })).rejects.toThrow(
    'pods "p" is forbidden: error looking up service account default/nobody: serviceaccount "nobody" not found',
  );
});
