import { beforeAll, expect, test } from 'vitest';
import { resources } from '../../api/types.ts';
import { createTestApi, nodeUser } from '../testing/test-api.ts';

let api: Awaited<ReturnType<typeof createTestApi>>;
const core = (resource: string) => ({ group: '', version: 'v1', resource });

beforeAll(async () => {
  api = await createTestApi();
  const { client } = api;
  const pod = (name: string, nodeName: string, claimName: string) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default' },
    spec: {
      nodeName,
      containers: [{ name: 'c', image: 'i' }],
      volumes: [{ name: 'v', persistentVolumeClaim: { claimName } }],
      resourceClaims: [{ name: 'r', resourceClaimName: `${claimName}-device` }],
    },
  });
  await client.create(resources.pods, pod('mine', 'n1', 'my-claim'));
  await client.create(resources.pods, pod('other', 'n2', 'other-claim'));
  const volume = (name: string, claim: string) => ({
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name },
    spec: {
      accessModes: ['ReadWriteOnce'],
      capacity: { storage: '1Gi' },
      hostPath: { path: '/x' },
      claimRef: { namespace: 'default', name: claim },
    },
  });
  await client.create(core('persistentvolumes'), volume('my-volume', 'my-claim'));
  await client.create(core('persistentvolumes'), volume('other-volume', 'other-claim'));
  await client.create({ group: 'storage.k8s.io', version: 'v1', resource: 'volumeattachments' }, {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'VolumeAttachment',
    metadata: { name: 'my-attachment' },
    spec: { attacher: 'a.b', nodeName: 'n1', source: { persistentVolumeName: 'my-volume' } },
  } as never);
});

function may(verb: string, what: string, name?: string, fieldSelector?: string, node = 'n1') {
  const [qualified = '', subresource] = what.split('/');
  const [resource = '', ...group] = qualified.split('.');
  const decision = api.api.authorizer.authorize({
    user: nodeUser(node),
    verb,
    resource: { group: group.join('.'), version: 'v1', resource },
    subresource,
    namespace: 'default',
    name,
    fieldSelector,
    path: '',
  });
  return Promise.resolve(decision).then(({ allowed }) => allowed);
}

test.each<[verb: string, what: string, name?: string | undefined, fieldSelector?: string]>([
  ['get', 'persistentvolumeclaims', 'my-claim'],
  ['patch', 'persistentvolumeclaims/status', 'my-claim'],
  ['get', 'persistentvolumes', 'my-volume'],
  ['get', 'volumeattachments.storage.k8s.io', 'my-attachment'],
  ['get', 'resourceclaims.resource.k8s.io', 'my-claim-device'],
  ['create', 'csinodes.storage.k8s.io'],
  ['patch', 'csinodes.storage.k8s.io', 'n1'],
  ['list', 'csidrivers.storage.k8s.io'],
  ['watch', 'runtimeclasses.node.k8s.io'],
  ['create', 'certificatesigningrequests.certificates.k8s.io'],
  ['create', 'subjectaccessreviews.authorization.k8s.io'],
  ['create', 'tokenreviews.authentication.k8s.io'],
  ['watch', 'resourceslices.resource.k8s.io', undefined, 'spec.nodeName=n1'],
  ['create', 'pods'],
  ['create', 'pods/eviction', 'mine'],
])('a node may %s %s %s %s', async (...asked) => {
  expect(await may(...asked)).toBe(true);
});

test.each<[verb: string, what: string, name?: string | undefined, fieldSelector?: string]>([
  ['get', 'persistentvolumeclaims', 'other-claim'],
  ['update', 'persistentvolumeclaims', 'my-claim'],
  ['list', 'persistentvolumeclaims'],
  ['get', 'persistentvolumes', 'other-volume'],
  ['get', 'volumeattachments.storage.k8s.io', 'none'],
  ['get', 'resourceclaims.resource.k8s.io', 'other-claim-device'],
  ['patch', 'csinodes.storage.k8s.io', 'n2'],
  ['update', 'certificatesigningrequests.certificates.k8s.io/approval', 'x'],
  ['watch', 'resourceslices.resource.k8s.io'],
  ['create', 'pods/eviction', 'other'],
  ['delete', 'runtimeclasses.node.k8s.io', 'x'],
])('a node may not %s %s %s', async (...asked) => {
  expect(await may(...asked)).toBe(false);
});
