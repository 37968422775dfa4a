import { describe, expect, it } from 'vitest';
import type { TypedObject } from '../../api/types.ts';
import { type NetworkResource, NetworkView } from '../view.ts';
import { explain } from './explain.ts';

const put = (resource: NetworkResource, key: string, rest: object, labels: Record<string, string> = {}) => {
  const [namespace, name] = key.includes('/') ? key.split('/') : [undefined, key];
  const metadata = { ...(namespace && { namespace }), name: name!, labels, uid: key, resourceVersion: '1' };
  return { resource, key, object: { metadata, ...rest } as TypedObject };
};
const pod = (key: string, node: string, ip: string, app: string) =>
  put(
    'pods',
    key,
    {
      spec: { nodeName: node, containers: [{ name: 'c', ports: [{ name: 'http', containerPort: 8080 }] }] },
      status: { podIP: ip, podIPs: [{ ip }] },
    },
    { app },
  );
const node = (name: string, address: string, range: string) =>
  put('nodes', name, { spec: { podCIDRs: [range] }, status: { addresses: [{ type: 'InternalIP', address }] } });
const slice = (service: string, endpoints: [string, boolean][]) =>
  put(
    'endpointslices',
    `${service}-1`,
    {
      addressType: 'IPv4',
      ports: [{ name: 'http', port: 8080 }],
      endpoints: endpoints.map(([ip, ready]) => ({ addresses: [ip], conditions: { ready } })),
    },
    { 'kubernetes.io/service-name': service.split('/')[1]! },
  );
const policy = (key: string, spec: object) => put('networkpolicies', key, { spec });
const web = (spec: object) => put('services', 'a/web', { spec });

const basis = [
  put('namespaces', 'a', {}),
  put('namespaces', 'b', {}, { team: 'b' }),
  put('namespaces', 'kube-system', {}),
  node('n1', '192.0.2.1', '10.1.0.0/24'),
  node('n2', '192.0.2.2', '10.1.1.0/24'),
  pod('a/web', 'n1', '10.1.0.5', 'web'),
  pod('b/client', 'n2', '10.1.1.7', 'client'),
  web({ clusterIP: '10.96.0.9', clusterIPs: ['10.96.0.9'], ports: [{ name: 'http', port: 80, targetPort: 'http' }] }),
  slice('a/web', [
    ['10.1.0.5', true],
    ['10.1.0.6', false],
  ]),
  put('services', 'kube-system/kube-dns', {
    spec: { clusterIP: '10.96.0.10', clusterIPs: ['10.96.0.10'], ports: [{ name: 'dns', port: 53, protocol: 'UDP' }] },
  }),
];
const text = (to: string, from?: string, extra: ReturnType<typeof put>[] = [], protocol = 'tcp') => {
  const view = new NetworkView();
  view.begin(true);
  view.apply([...basis, ...extra], 1n);
  const { lines, reaches } = explain(view, { to, from, namespace: 'a', protocol });
  return [...lines, reaches ? 'yes' : 'no'].join('\n');
};
const deny = policy('a/deny', { podSelector: {}, policyTypes: ['Ingress'] });
const allow = (port: number | string) =>
  policy('a/from-b', {
    podSelector: { matchLabels: { app: 'web' } },
    ingress: [{ from: [{ namespaceSelector: { matchLabels: { team: 'b' } } }], ports: [{ port }] }],
  });

describe('explain', () => {
  it('goes through a Service to its ready endpoint on another node', () => {
    expect(text('service/web:80', 'b/client')).toMatchInlineSnapshot(`
      "from pod b/client (10.1.1.7) on node n2
      Service a/web: ClusterIP at 10.96.0.9
      1 ready endpoint, one of which is chosen per connection:
      - 10.1.0.5:8080
      to pod a/web (10.1.0.5) on node n1, over the network to 192.0.2.1
        egress of pod b/client: no policy selects it, everything passes
        ingress of pod a/web: no policy selects it, everything passes
      yes"
    `);
    expect(text('10.96.0.9:http', 'b/client')).toBe(text('service/web:80', 'b/client'));
  });

  it('names the policies that drop it, and the rule that lets it pass', () => {
    expect(text('pod/web:8080', 'b/client', [deny])).toMatchInlineSnapshot(`
      "from pod b/client (10.1.1.7) on node n2
      to pod a/web (10.1.0.5) on node n1, over the network to 192.0.2.1
        egress of pod b/client: no policy selects it, everything passes
        ingress of pod a/web: DROPPED on node n1: selected by a/deny, and no rule allows it
      no"
    `);
    expect(text('pod/web:8080', 'b/client', [deny, allow('http')])).toContain('passes by rule 1 of policy a/from-b');
    expect(text('pod/web:8081', 'b/client', [deny, allow('http')])).toMatch(
      /DROPPED on node n1: selected by a\/deny, a\/from-b[\s\S]*no$/,
    );
    expect(text('pod/web:8081', undefined, [allow(8081)])).toMatch(/DROPPED/);
  });

  it('says why nobody answers', () => {
    expect(text('service/web:81', 'b/client')).toContain('no port 81 for tcp');
    expect(
      text('service/gone', 'b/client', [put('services', 'a/gone', { spec: { clusterIP: '10.96.0.8' } })]),
    ).toContain('no endpoints: does its selector match any pod?');
    expect(text('10.1.1.99', 'b/client')).toContain('no pod has it');
    expect(text('192.0.2.77', 'b/client')).toContain('outside of the cluster');
    expect(() => text('nothing')).toThrow('there is no pod with an address and no Service "a/nothing"');
  });

  it('knows that policies allow the DNS by its labels', () => {
    const out = (k8sApp: string) =>
      policy('b/out', {
        podSelector: {},
        policyTypes: ['Egress'],
        egress: [{ to: [{ namespaceSelector: {}, podSelector: { matchLabels: { 'k8s-app': k8sApp } } }] }],
      });
    expect(text('kube-system/kube-dns:53', 'b/client', [out('kube-dns')], 'udp')).toMatch(
      /rule 1 of policy b\/out\nyes$/,
    );
    expect(text('kube-system/kube-dns:53', 'b/client', [out('other')], 'udp')).toMatch(/DROPPED on node n2[\s\S]*no$/);
  });
});
