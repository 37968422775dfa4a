import { afterEach, beforeEach, expect, it } from 'vitest';
import type { ConfigMap, Namespace } from '../../api/generated/types/core-v1.ts';
import { resources } from '../../api/types.ts';
import { type Harness, harness } from '../testing/harness.ts';
import { ServiceAccountController } from './controller.ts';

let h: Harness;
beforeEach(() => {
  h = harness();
  void new ServiceAccountController(h.context, { caPem: 'PEM' }).run();
});
afterEach(() => h.stop());

const namespace: Namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'team' } };
const account = { namespace: 'team', name: 'default' };
const rootCa = { namespace: 'team', name: 'kube-root-ca.crt' };
const data = () => h.client.find<ConfigMap>(resources.configMaps, rootCa)?.data?.['ca.crt'];

it('makes both for a new namespace, again when they are deleted, and right when changed', async () => {
  await h.client.create(resources.namespaces, namespace);
  const complete = () => h.client.find(resources.serviceAccounts, account) !== undefined && data() === 'PEM';
  await h.client.until(complete);
  await h.client.delete(resources.serviceAccounts, account);
  await h.client.until(complete);
  await h.client.delete(resources.configMaps, rootCa);
  await h.client.until(complete);
  await h.client.patch(resources.configMaps, rootCa, 'merge', { data: { 'ca.crt': 'forged' } });
  await h.client.until(complete);
});

it('leaves a terminating namespace alone', async () => {
  await h.client.create(resources.namespaces, namespace);
  await h.client.until(() => data() === 'PEM');
  await h.client.delete(resources.namespaces, { name: 'team' });
  await h.client.delete(resources.configMaps, rootCa);
  await h.client.idle();
  expect(data()).toBeUndefined();
});
