import { afterEach, beforeEach, expect, it } from 'vitest';
import type { ConfigMap, Namespace } from '../../api/generated/types/core-v1.ts';
import { ApiError } from '../../api/status.ts';
import { resources } from '../../api/types.ts';
import { type Harness, harness } from '../testing/harness.ts';
import { podOf } from '../testing/objects.ts';
import { NamespaceController } from './controller.ts';

let h: Harness;
const watched = [
  { ...resources.pods, kind: 'Pod', namespaced: true },
  { ...resources.configMaps, kind: 'ConfigMap', namespaced: true },
];
const contents = [...watched, { ...resources.events, kind: 'Event', namespaced: true }];
const namespace = (name: string): Namespace => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
const configMap = (name: string, finalizers: string[] = []): ConfigMap => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'team', finalizers },
});
const found = () => h.client.find<Namespace>(resources.namespaces, { name: 'team' });
const condition = (type: string) => {
  const it = found()?.status?.conditions?.find((candidate) => candidate.type === type);
  return it && `${it.status} ${it.reason}: ${it.message}`;
};

beforeEach(async () => {
  h = harness();
  void new NamespaceController(h.context, { contents, watched }).run();
  await h.client.create(resources.namespaces, namespace('team'));
});
afterEach(() => h.stop());

it('deletes everything in a namespace, nothing elsewhere, then the namespace', async () => {
  await h.client.create(resources.configMaps, configMap('a'));
  h.client.seed(resources.configMaps, { ...configMap('b'), metadata: { name: 'b', namespace: 'other' } });
  await h.client.delete(resources.namespaces, { name: 'team' });
  await h.client.until(() => found() === undefined);
  expect(h.client.all(resources.configMaps).map(({ metadata }) => metadata?.name)).toEqual(['b']);
});

it('lets an active namespace be', async () => {
  await h.client.create(resources.configMaps, configMap('a'));
  await h.client.idle();
  expect(h.client.all(resources.configMaps)).toHaveLength(1);
});

it('waits for pods that end gracefully and objects with finalizers, and says for what', async () => {
  const pod = podOf({ name: 'p', node: 'n1' });
  h.client.seed(resources.pods, { ...pod, metadata: { ...pod.metadata, namespace: 'team' } });
  await h.client.create(resources.configMaps, configMap('held', ['example.com/hold']));
  await h.client.delete(resources.namespaces, { name: 'team' });
  await h.client.until(() => condition('NamespaceContentRemaining')?.startsWith('True') === true);
  expect(condition('NamespaceContentRemaining')).toBe(
    'True SomeResourcesRemain: Some resources are remaining: pods. has 1 resource instances',
  );
  // What a pod uses is there until the pod is gone.
  expect(h.client.all<ConfigMap>(resources.configMaps)[0]?.metadata?.deletionTimestamp).toBeUndefined();
  await h.client.delete(resources.pods, { namespace: 'team', name: 'p' }, { gracePeriodSeconds: 0 });
  await h.client.until(() => condition('NamespaceContentRemaining')?.includes('pods') === false);
  expect(condition('NamespaceContentRemaining')).toContain('configmaps. has 1 resource instances');
  expect(condition('NamespaceFinalizersRemaining')).toContain('example.com/hold in 1 resource instances');
  const held = { namespace: 'team', name: 'held' };
  await h.client.patch(resources.configMaps, held, 'merge', { metadata: { finalizers: [] } });
  await h.client.until(() => found() === undefined);
});

it('keeps the namespace while its contents cannot be deleted, and tries again', async () => {
  await h.client.create(resources.configMaps, configMap('a'));
  h.client.intercept = ({ verb }) => {
    if (verb === 'deletecollection') throw new ApiError('InternalError', 'disk is sad');
  };
  await h.client.delete(resources.namespaces, { name: 'team' });
  await h.client.until(() => condition('NamespaceDeletionContentFailure')?.includes('disk is sad') === true);
  h.client.intercept = undefined;
  await h.client.until(() => found() === undefined);
});
