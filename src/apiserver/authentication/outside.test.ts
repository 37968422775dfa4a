/** OIDC providers and webhooks that tell who somebody is and what they may do, as real HTTPS servers. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ManualClock, systemClock } from '../../lib/clock.ts';
import { silentLogger } from '../../lib/logger.ts';
import { unionAuthorizer } from '../authorization/index.ts';
import { webhookAuthorizer } from '../authorization/webhook.ts';
import { type HttpHarness, startHttpHarness } from '../testing/http-harness.ts';
import { type OidcConfig, oidcTokens, oidcUser } from './oidc.ts';
import { webhookTokens } from './webhook.ts';

let h: HttpHarness;
let server: Server;
let url: string;
let caFile: string;
// biome-ignore lint/suspicious/noExplicitAny: reviews of two kinds
let answer: (path: string, body: any) => object | undefined;
let asked = 0;
const keys = await generateKeyPair('RS256');
let keyId = 'k1';

beforeAll(async () => {
  h = await startHttpHarness();
  const { certFile, keyFile } = h.pki.files('master');
  caFile = h.pki.files('master').caFile;
  server = createServer({ cert: readFileSync(certFile), key: readFileSync(keyFile) }, async (request, response) => {
    asked++;
    const body = request.method === 'POST' ? await json(request) : undefined;
    const said = answer(request.url ?? '', body);
    if (!said) response.writeHead(500).end();
    else response.end(JSON.stringify(said));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  server.close();
  server.closeAllConnections();
  await h.stop();
});

async function provider(path: string): Promise<void> {
  const jwk = { ...(await exportJWK(keys.publicKey)), kid: keyId, alg: 'RS256', use: 'sig' };
  answer = (asked) =>
    asked === '/jwks' ? { keys: [jwk] } : asked.startsWith(path) ? { issuer: url, jwks_uri: `${url}/jwks` } : undefined;
}

function token(claims: object, { issuer = url, kid = keyId, exp = 60 } = {}) {
  const now = Math.floor(Date.now() / 1000);
  return new SignJWT({ ...claims, exp: now + exp })
    .setProtectedHeader({ alg: 'RS256', kid })
    .setIssuer(issuer)
    .setSubject('1')
    .setAudience('cluster')
    .sign(keys.privateKey);
}

test('OIDC: a token of the provider names its user and groups; others are not its business', async () => {
  await provider('/.well-known');
  const config: OidcConfig = {
    issuer: url,
    audiences: ['cluster'],
    caFile,
    groupsClaim: 'roles',
    groupsPrefix: 'oidc:',
  };
  const known = oidcTokens(config, systemClock);
  expect((await known(await token({ roles: ['dev', 'ops'] }), undefined))?.user).toEqual({
    name: `${url}#1`,
    groups: ['oidc:dev', 'oidc:ops', 'system:authenticated'],
  });
  expect(await known(await token({}, { issuer: 'https://other' }), undefined)).toBeUndefined();
  expect(await known('no.token', undefined)).toBeUndefined();
  await expect(known(await token({}, { exp: -60 }), undefined)).rejects.toThrow('OIDC: "exp" claim');
  await expect(oidcTokens({ ...config, audiences: ['x'] }, systemClock)(await token({}), undefined)).rejects.toThrow(
    'aud',
  );
});

test('OIDC: a key that is new at the provider is fetched', async () => {
  await provider('/.well-known');
  const clock = new ManualClock(Date.now());
  const known = oidcTokens({ issuer: url, audiences: ['cluster'], caFile }, clock);
  expect(await known(await token({}), undefined)).toBeDefined();
  keyId = 'k2';
  await provider('/.well-known');
  await expect(known(await token({}), undefined)).rejects.toThrow('OIDC');
  clock.advance(11_000);
  expect(await known(await token({}), undefined)).toBeDefined();
});

test('oidcUser: claims, prefixes and what is required', () => {
  const config = { issuer: 'https://i', audiences: ['a'] };
  expect(oidcUser({ ...config, usernameClaim: 'email' }, { email: 'a@b' }).name).toBe('a@b');
  expect(oidcUser({ ...config, usernamePrefix: '-' }, { sub: 'x' }).name).toBe('x');
  expect(() => oidcUser({ ...config, usernameClaim: 'email' }, { email: 'a@b', email_verified: false })).toThrow(
    'not verified',
  );
  expect(() => oidcUser({ ...config, requiredClaims: { hd: 'x' } }, { sub: 'x' })).toThrow('required claim hd');
  expect(() => oidcUser(config, {})).toThrow('no claim sub');
});

test('a token webhook is asked once, and believed for a while', async () => {
  const clock = new ManualClock();
  const known = webhookTokens({ url, caFile, cacheSeconds: 60 }, ['api'], clock);
  answer = (_, { kind, spec }) =>
    kind === 'TokenReview' && spec.token === 'good'
      ? { status: { authenticated: true, user: { username: 'jane', groups: ['dev'], extra: { a: ['b'] } } } }
      : { status: { authenticated: false } };
  asked = 0;
  const expected = {
    user: { name: 'jane', uid: undefined, groups: ['dev', 'system:authenticated'], extra: { a: ['b'] } },
    audiences: ['api'],
  };
  expect(await known('good', undefined)).toEqual(expected);
  expect(await known('good', undefined)).toEqual(expected);
  expect(asked).toBe(1);
  expect(await known('bad', undefined)).toBeUndefined();
  clock.advance(61_000);
  answer = () => undefined;
  await expect(known('good', undefined)).rejects.toThrow('the token webhook did not answer');
});

test('an authorization webhook allows, denies for good, or has no opinion', async () => {
  const clock = new ManualClock();
  const attributes = {
    user: { name: 'jane', groups: ['dev'] },
    verb: 'get',
    resource: { group: 'apps', version: 'v1', resource: 'deployments' },
    namespace: 'a',
    name: 'd',
    path: '',
  };
  let spec: object | undefined;
  const always = { authorize: () => ({ allowed: true }) as const };
  const ask = (config: object) =>
    unionAuthorizer([webhookAuthorizer({ url, caFile, ...config }, clock, silentLogger), always]).authorize(attributes);
  answer = (_, review) => {
    spec = review.spec;
    return { status: { allowed: false, denied: true, reason: 'not on Sundays' } };
  };
  expect(await ask({})).toEqual({ allowed: false, reason: 'not on Sundays' });
  expect(spec).toEqual({
    user: 'jane',
    groups: ['dev'],
    resourceAttributes: {
      verb: 'get',
      group: 'apps',
      version: 'v1',
      resource: 'deployments',
      namespace: 'a',
      name: 'd',
    },
  });
  answer = () => ({ status: { allowed: false } });
  expect(await ask({})).toEqual({ allowed: true });
  answer = () => undefined;
  expect(await ask({})).toEqual({ allowed: true });
  expect(await ask({ failurePolicy: 'Deny' })).toEqual({ allowed: false, reason: '' });
});

test('nothing is asked in plain text', () => {
  expect(() => webhookTokens({ url: 'http://x' }, [], systemClock)).toThrow('"http://x" is no https URL');
});
