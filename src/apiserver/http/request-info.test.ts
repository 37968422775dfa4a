import { expect, test } from 'vitest';
import { parseRequestInfo } from './request-info.ts';

function parse(method: string, url: string) {
  const { pathname, searchParams } = new URL(url, 'https://h');
  const info = parseRequestInfo(method, pathname, searchParams);
  if (info.kind === 'other') return `${info.verb} ${info.path}`;
  const { group, version, resource } = info.resource;
  const parts = [info.verb, `${group}/${version}/${resource}`, info.namespace ?? '-', info.name ?? '-'];
  return [...parts, info.subresource ?? '-', info.rest].join(' ').trim();
}

test.each([
  ['GET', '/api/v1/pods', 'list /v1/pods - - -'],
  ['GET', '/api/v1/pods?watch=true', 'watch /v1/pods - - -'],
  ['GET', '/api/v1/pods?watch=1', 'watch /v1/pods - - -'],
  ['GET', '/api/v1/pods?watch=false', 'list /v1/pods - - -'],
  ['GET', '/api/v1/watch/namespaces/a/pods', 'watch /v1/pods a - -'],
  ['GET', '/api/v1/watch/namespaces/a/pods/b', 'watch /v1/pods a b -'],
  ['GET', '/api/v1/namespaces/a/pods', 'list /v1/pods a - -'],
  ['GET', '/api/v1/namespaces/a/pods/b', 'get /v1/pods a b -'],
  ['GET', '/api/v1/namespaces/a/pods/b?watch=true', 'get /v1/pods a b -'],
  ['HEAD', '/api/v1/namespaces/a/pods/b', 'get /v1/pods a b -'],
  ['POST', '/api/v1/namespaces/a/pods', 'create /v1/pods a - -'],
  ['PUT', '/api/v1/namespaces/a/pods/b', 'update /v1/pods a b -'],
  ['PATCH', '/api/v1/namespaces/a/pods/b/status', 'patch /v1/pods a b status'],
  ['DELETE', '/api/v1/namespaces/a/pods/b', 'delete /v1/pods a b -'],
  ['DELETE', '/api/v1/namespaces/a/pods', 'deletecollection /v1/pods a - -'],
  ['POST', '/api/v1/namespaces/a/pods/b/exec?command=ls', 'create /v1/pods a b exec'],
  ['GET', '/api/v1/namespaces/a/services/b/proxy/x/y', 'get /v1/services a b proxy x/y'],
  ['GET', '/api/v1/namespaces', 'list /v1/namespaces - - -'],
  ['GET', '/api/v1/namespaces/a', 'get /v1/namespaces a a -'],
  ['PUT', '/api/v1/namespaces/a/finalize', 'update /v1/namespaces a a finalize'],
  ['GET', '/api/v1/namespaces/a/status', 'get /v1/namespaces a a status'],
  ['GET', '/api/v1/nodes/n', 'get /v1/nodes - n -'],
  ['GET', '/apis/apps/v1/deployments', 'list apps/v1/deployments - - -'],
  ['GET', '/apis/apps/v1/namespaces/a/deployments/b/scale', 'get apps/v1/deployments a b scale'],
  [
    'GET',
    '/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Aadmin',
    'get rbac.authorization.k8s.io/v1/clusterroles - system:admin -',
  ],
  ['GET', '/api', 'get /api'],
  ['GET', '/api/v1', 'get /api/v1'],
  ['GET', '/apis/apps/v1', 'get /apis/apps/v1'],
  ['POST', '/version', 'post /version'],
  ['GET', '/healthz', 'get /healthz'],
])('%s %s', (method, url, expected) => {
  expect(parse(method, url)).toBe(expected);
});

test('a path that is not properly encoded is a BadRequest', () => {
  expect(() => parseRequestInfo('GET', '/api/v1/nodes/%zz', new URLSearchParams())).toThrow(/not properly encoded/);
});
