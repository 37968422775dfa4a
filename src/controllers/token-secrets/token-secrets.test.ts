import { afterEach, expect, test } from 'vitest';
import type { Secret, ServiceAccount } from '../../api/generated/types/core-v1.ts';
import { resources } from '../../api/types.ts';
import { type Harness, harness } from '../testing/harness.ts';
import { TokenSecretsController } from './controller.ts';

let h: Harness | undefined;
afterEach(() => h?.stop());

const account: ServiceAccount = {
  apiVersion: 'v1',
  kind: 'ServiceAccount',
  metadata: { name: 'a', namespace: 'ns', uid: 'u1' },
};
const secret = (name: string, uid?: string): Secret => ({
  apiVersion: 'v1',
  kind: 'Secret',
  type: 'kubernetes.io/service-account-token',
  metadata: {
    name,
    namespace: 'ns',
    annotations: {
      'kubernetes.io/service-account.name': 'a',
      ...(uid && { 'kubernetes.io/service-account.uid': uid }),
    },
  },
});
const decoded = (value: string | undefined) => Buffer.from(value ?? '', 'base64').toString();

test('a Secret gets its token; one of an account that is gone goes too', async () => {
  h = harness();
  const { client, context } = h;
  client.seed(resources.serviceAccounts, account);
  client.seed(resources.secrets, secret('fresh'));
  client.seed(resources.secrets, secret('stale', 'another'));
  const issueToken = (of: Secret) => Promise.resolve(`token of ${of.metadata?.name}`);
  void new TokenSecretsController(context, { caPem: 'CA', issueToken }).run();
  await client.until(() => client.all(resources.secrets).length === 1);
  await client.until(() => (client.all(resources.secrets)[0] as Secret).data !== undefined);
  const [{ data, metadata }] = client.all(resources.secrets) as [Secret];
  expect(decoded(data?.token)).toBe('token of fresh');
  expect([decoded(data?.['ca.crt']), decoded(data?.namespace)]).toEqual(['CA', 'ns']);
  expect(metadata?.annotations?.['kubernetes.io/service-account.uid']).toBe(
    client.all(resources.serviceAccounts)[0]!.metadata!.uid,
  );
  await client.delete(resources.serviceAccounts, { namespace: 'ns', name: 'a' });
  await client.until(() => client.all(resources.secrets).length === 0);
});
