import { generateKeyPairSync } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startHttpHarness } from '../testing/http-harness.ts';
import { parseServiceAccountKeys } from './service-account-keys.ts';

let http: Awaited<ReturnType<typeof startHttpHarness>>;
const accounts = '/api/v1/namespaces/default/serviceaccounts';

beforeEach(async () => {
  http = await startHttpHarness();
  await http.call('POST', accounts, { body: { metadata: { name: 'robot' } } });
});
afterEach(() => http.stop());

const request = (spec: object = {}, name = 'robot') =>
  http.call('POST', `${accounts}/${name}/token`, { body: { spec } });

async function whoAmI(token: string) {
  const headers = { authorization: `Bearer ${token}` };
  const path = '/apis/authentication.k8s.io/v1/tokenreviews';
  const review = await http.call('POST', path, { body: { spec: { token } } });
  const used = await http.call('GET', '/api/v1/namespaces/default/pods', { as: 'none', headers });
  return { review: review.body.status, used };
}

test('a token speaks for its account, with its groups, until the account is gone', async () => {
  const { status, body } = await request();
  expect(status).toBe(201);
  expect(body.spec).toMatchObject({
    audiences: ['https://kubernetes.default.svc.cluster.local'],
    expirationSeconds: 3600,
  });
  const { review, used } = await whoAmI(body.status.token);
  expect(review).toMatchObject({
    authenticated: true,
    user: {
      username: 'system:serviceaccount:default:robot',
      groups: ['system:serviceaccounts', 'system:serviceaccounts:default', 'system:authenticated'],
    },
  });
  expect(used.body).toMatchObject({
    code: 403,
    message: expect.stringContaining('"system:serviceaccount:default:robot"'),
  });
  await http.call('DELETE', `${accounts}/robot`);
  await http.call('POST', accounts, { body: { metadata: { name: 'robot' } } });
  const later = await whoAmI(body.status.token);
  expect(later.review.authenticated).toBe(false);
  expect(later.used.status).toBe(401);
});

test('a token bound to a pod ends with it, and says which pod and node', async () => {
  const pods = '/api/v1/namespaces/default/pods';
  const spec = { serviceAccountName: 'robot', containers: [{ name: 'a', image: 'b' }] };
  const pod = await http.call('POST', pods, { body: { metadata: { name: 'p' }, spec } });
  const boundObjectRef = { kind: 'Pod', apiVersion: 'v1', name: 'p', uid: pod.body.metadata.uid };
  const { body } = await request({ boundObjectRef });
  expect((await whoAmI(body.status.token)).review.user.extra).toMatchObject({
    'authentication.kubernetes.io/pod-name': ['p'],
    'authentication.kubernetes.io/pod-uid': [pod.body.metadata.uid],
  });
  expect((await request({ boundObjectRef: { ...boundObjectRef, uid: 'other' } })).status).toBe(409);
  expect((await request({ boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'none' } })).status).toBe(404);
  await http.call('DELETE', `${pods}/p?gracePeriodSeconds=0`);
  expect((await whoAmI(body.status.token)).review.authenticated).toBe(false);
});

test('a token for another audience is not one for this API', async () => {
  const { body } = await request({ audiences: ['vault'] });
  const { review, used } = await whoAmI(body.status.token);
  expect(review.authenticated).toBe(false);
  expect(used.status).toBe(401);
  const path = '/apis/authentication.k8s.io/v1/tokenreviews';
  const asked = await http.call('POST', path, {
    body: { spec: { token: body.status.token, audiences: ['vault', 'x'] } },
  });
  expect(asked.body.status).toMatchObject({ authenticated: true, audiences: ['vault'] });
});

test('forged, cut and foreign tokens are a 401', async () => {
  const { body } = await request();
  const [head, payload, signature] = body.status.token.split('.');
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString());
  const other = Buffer.from(JSON.stringify({ ...claims, sub: 'system:serviceaccount:kube-system:admin' }));
  for (const token of [
    `${head}.${other.toString('base64url')}.${signature}`,
    `${head}.${payload}.`,
    `${Buffer.from('{"alg":"none"}').toString('base64url')}.${payload}.`,
    'x',
    '',
    'a'.repeat(20_000),
  ]) {
    const headers = { authorization: `Bearer ${token}` };
    expect((await http.call('GET', '/version', { as: 'none', headers })).status).toBe(401);
  }
});

test('refused requests for tokens', async () => {
  expect((await request({ expirationSeconds: 60 })).body.details.causes[0]).toMatchObject({
    field: 'spec.expirationSeconds',
  });
  expect((await request({}, 'nobody')).status).toBe(404);
  expect((await request({ boundObjectRef: { kind: 'ConfigMap', apiVersion: 'v1', name: 'x' } })).status).toBe(400);
  expect((await http.call('POST', `${accounts}/robot/token`, { as: 'eve', body: {} })).status).toBe(403);
});

test('discovery documents tell how to verify tokens', async () => {
  const configuration = await http.call('GET', '/.well-known/openid-configuration');
  expect(configuration.body).toMatchObject({ id_token_signing_alg_values_supported: ['ES256'] });
  const keys = await http.call('GET', '/openid/v1/jwks', { headers: { accept: 'application/jwk-set+json' } });
  const { body } = await request();
  const { kid } = JSON.parse(Buffer.from(body.status.token.split('.')[0], 'base64url').toString());
  expect(JSON.parse(keys.text).keys).toMatchObject([{ kid, kty: 'EC', use: 'sig' }]);
});

test('keys rotate: the first signs, all verify', () => {
  const pem = () =>
    generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const [old, young] = [pem(), pem()];
  const before = parseServiceAccountKeys(old, 'keys');
  const after = parseServiceAccountKeys(young + old, 'keys');
  expect(after.signing.id).not.toBe(before.signing.id);
  expect(after.verification.map(({ id }) => id)).toContain(before.signing.id);
  expect(() => parseServiceAccountKeys('', 'keys')).toThrow('"keys" holds no private key');
});

test('a bootstrap token lets its machine in until it expires', async () => {
  const data = (fields: Record<string, string>) =>
    Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, Buffer.from(value).toString('base64')]));
  const secret = (id: string, more: Record<string, string>) => ({
    metadata: { name: `bootstrap-token-${id}` },
    type: 'bootstrap.kubernetes.io/token',
    data: data({
      'token-id': id,
      'token-secret': '0123456789abcdef',
      'usage-bootstrap-authentication': 'true',
      ...more,
    }),
  });
  const secrets = '/api/v1/namespaces/kube-system/secrets';
  await http.call('POST', secrets, { body: secret('aaaaaa', { 'auth-extra-groups': 'system:bootstrappers:x' }) });
  await http.call('POST', secrets, { body: secret('bbbbbb', { expiration: '2020-01-01T00:00:00Z' }) });
  expect((await whoAmI('aaaaaa.0123456789abcdef')).review).toMatchObject({
    authenticated: true,
    user: { username: 'system:bootstrap:aaaaaa', groups: expect.arrayContaining(['system:bootstrappers:x']) },
  });
  expect((await whoAmI('aaaaaa.0123456789abcdeX')).used.status).toBe(401);
  expect((await whoAmI('bbbbbb.0123456789abcdef')).used.status).toBe(401);
});

test('acting as somebody else: uid, extra and service accounts', async () => {
  const review = '/apis/authentication.k8s.io/v1/selfsubjectreviews';
  const as = async (headers: Record<string, string>) =>
    (await http.call('POST', review, { headers, body: {} })).body.status?.userInfo;
  expect(
    await as({ 'impersonate-user': 'ann', 'impersonate-uid': '7', 'impersonate-extra-acme.com%2fteam': 'a' }),
  ).toMatchObject({ username: 'ann', uid: '7', extra: { 'acme.com/team': ['a'] } });
  const robot = await as({ 'impersonate-user': 'system:serviceaccount:default:robot' });
  expect(robot.groups).toContain('system:serviceaccounts:default');
});

test('a token that lies in a Secret is good as long as the Secret holds it', async () => {
  const account = await http.call('GET', `${accounts}/robot`);
  const token = await http.api.authenticator.tokens!.issueForSecret({
    namespace: 'default',
    secret: 's',
    account: { name: 'robot', uid: account.body.metadata.uid },
  });
  expect((await whoAmI(token)).used.status).toBe(401);
  const annotations = { 'kubernetes.io/service-account.name': 'robot' };
  const type = 'kubernetes.io/service-account-token';
  const body = { metadata: { name: 's', annotations }, type, data: { token: Buffer.from(token).toString('base64') } };
  await http.call('POST', '/api/v1/namespaces/default/secrets', { body });
  const { review, used } = await whoAmI(token);
  expect(review.user).toMatchObject({
    username: 'system:serviceaccount:default:robot',
    uid: account.body.metadata.uid,
  });
  expect(used.status).toBe(403);
  await http.call('DELETE', '/api/v1/namespaces/default/secrets/s');
  expect((await whoAmI(token)).used.status).toBe(401);
});
