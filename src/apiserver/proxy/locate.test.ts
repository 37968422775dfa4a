import { expect, test } from 'vitest';
import type { Pod, Service } from '../../api/generated/types/core-v1.ts';
import type { EndpointSlice } from '../../api/generated/types/discovery-v1.ts';
import { nodeAddress, parseProxyName, podAddress, serviceAddress } from './locate.ts';
import { rewriteHtml, rewriteUrl } from './rewrite.ts';

test.each([
  ['a', { scheme: 'http', name: 'a', port: '' }],
  ['a:80', { scheme: 'http', name: 'a', port: '80' }],
  ['https:a:web', { scheme: 'https', name: 'a', port: 'web' }],
  ['https:a:', { scheme: 'https', name: 'a', port: '' }],
])('parseProxyName reads %s', (text, expected) => {
  expect(parseProxyName(text, 'pod')).toEqual(expected);
});

test.each(['', ':80', 'ftp:a:21', 'a:b:c:d'])('parseProxyName refuses %j', (text) => {
  expect(() => parseProxyName(text, 'service')).toThrow(`invalid service request "${text}"`);
});

test('podAddress takes the first declared port unless one is named', () => {
  const pod: Pod = {
    metadata: { name: 'p', namespace: 'ns' },
    spec: { nodeName: 'n', containers: [{ name: 'a' }, { name: 'b', ports: [{ containerPort: 8080 }] }] },
    status: { podIP: '10.0.0.9' },
  };
  const where = { namespace: 'ns', name: 'p', nodeName: 'n' };
  expect(podAddress(pod, parseProxyName('p', 'pod'))).toEqual({ ip: '10.0.0.9', port: 8080, pod: where });
  expect(podAddress(pod, parseProxyName('p:81', 'pod')).port).toBe(81);
  expect(() => podAddress({ ...pod, status: {} }, parseProxyName('p', 'pod'))).toThrow('address not allowed');
});

test('serviceAddress takes a ready endpoint of the port, by name or number', () => {
  const service: Service = {
    metadata: { name: 's' },
    spec: {
      ports: [
        { name: 'web', port: 80 },
        { name: 'tls', port: 443 },
      ],
    },
  };
  const slice = {
    addressType: 'IPv4',
    ports: [
      { name: 'web', port: 8080 },
      { name: 'tls', port: 8443 },
    ],
    endpoints: [
      { addresses: ['10.0.0.1'], conditions: { ready: false } },
      { addresses: ['10.0.0.2'], nodeName: 'n', targetRef: { kind: 'Pod', namespace: 'ns', name: 'p' } },
      { addresses: ['10.0.0.3'], conditions: { ready: true } },
    ],
  } as EndpointSlice;
  expect(serviceAddress(service, '443', [slice], 0)).toEqual({
    ip: '10.0.0.2',
    port: 8443,
    pod: { namespace: 'ns', name: 'p', nodeName: 'n' },
  });
  expect(serviceAddress(service, 'web', [slice], 0.99)).toEqual({ ip: '10.0.0.3', port: 8080, pod: undefined });
  expect(() => serviceAddress(service, '81', [slice], 0)).toThrow('no service port 81 found for service "s"');
  expect(() => serviceAddress(service, 'web', [], 0)).toThrow('no endpoints available for service "s"');
});

test('nodeAddress knows the agent by its port', () => {
  const node = {
    status: {
      addresses: [{ type: 'InternalIP', address: '10.1.0.1' }],
      daemonEndpoints: { kubeletEndpoint: { Port: 10_250 } },
    },
  };
  expect(nodeAddress(node, parseProxyName('n', 'node')).port).toBeUndefined();
  expect(nodeAddress(node, parseProxyName('n:10250', 'node')).port).toBeUndefined();
  expect(nodeAddress(node, parseProxyName('n:9100', 'node'))).toEqual({ ip: '10.1.0.1', port: 9100 });
});

test('rewriteUrl leads links of the proxied host back through the proxy', () => {
  const rewrite = (url: string) => rewriteUrl(url, '/api/v1/p/proxy', '10.0.0.1:80');
  expect(rewrite('/x?y')).toBe('/api/v1/p/proxy/x?y');
  expect(rewrite('http://10.0.0.1:80/x')).toBe('/api/v1/p/proxy/x');
  for (const kept of ['x', '#a', 'https://example.com/x', '/api/v1/p/proxy/x', 'mailto:a@b.c']) {
    expect(rewrite(kept)).toBe(kept);
  }
});

test('rewriteHtml changes links in tags, and no text', () => {
  const html = `<p>href="/no"<a href="/a" data='/b'>x</a><img alt="/c" src = '/d'>`;
  expect(rewriteHtml(html, '/p', 'h')).toBe(`<p>href="/no"<a href="/p/a" data='/p/b'>x</a><img alt="/c" src = '/p/d'>`);
});
