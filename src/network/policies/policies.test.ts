import { describe, expect, it } from 'vitest';
import type { NetworkPolicySpec } from '../../api/generated/types/networking-v1.ts';
import { renderTable } from '../nftables/index.ts';
import type { NetworkChange } from '../view.ts';
import { PolicyPlanner } from './planner.ts';

const change = (resource: string, key: string, object: object | undefined, old?: object) =>
  ({ resource, key, old, object }) as unknown as NetworkChange;
const namespace = (name: string, labels: Record<string, string> = {}) =>
  change('namespaces', name, { metadata: { name, labels } });
interface PodText {
  readonly node?: string;
  readonly labels?: Record<string, string>;
  readonly ips: string[];
  readonly ports?: object[];
  readonly hostNetwork?: boolean;
  readonly uid?: string;
}
const podObject = (key: string, { node = 'n1', labels = {}, ips, ports = [], hostNetwork, uid = key }: PodText) => ({
  metadata: { namespace: key.split('/')[0], name: key.split('/')[1], uid, labels },
  spec: { nodeName: node, hostNetwork, containers: [{ name: 'c', ports }] },
  status: { podIPs: ips.map((ip) => ({ ip })) },
});
const pod = (key: string, text: PodText) => change('pods', key, podObject(key, text));
const policy = (key: string, spec: NetworkPolicySpec) =>
  change('networkpolicies', key, { metadata: { namespace: key.split('/')[0], name: key.split('/')[1] }, spec });

function planner(...changes: NetworkChange[]): PolicyPlanner {
  const made = new PolicyPlanner('n1', ['10.96.0.10']);
  made.apply(changes);
  return made;
}

/** Rules of the chains of policies, without names. */
const policyRules = (...changes: NetworkChange[]) =>
  [...planner(...changes).plan().chains]
    .filter(([name]) => name.includes('-of-'))
    .flatMap(([, { rules }]) => rules)
    .map((rule) => rule.replaceAll(/-[0-9a-f]{12}-/g, '-#-'));

const web = pod('a/web', {
  labels: { app: 'web' },
  ips: ['10.1.0.5', 'fd00::5'],
  ports: [{ name: 'http', containerPort: 8080 }],
});
const all = {};

describe('the table of a node', () => {
  it('is empty without policies', () => {
    const { chains, sets } = planner(web).plan();
    expect([chains.size, sets.size]).toEqual([0, 0]);
  });

  it('has, for two policies on two pods, chains per group and per policy, and sets of who may', () => {
    const made = planner(
      namespace('a', { team: 'red' }),
      namespace('b', { team: 'blue' }),
      web,
      pod('a/db', { labels: { app: 'db' }, ips: ['10.1.0.6'] }),
      pod('a/far', { node: 'n2', labels: { app: 'web' }, ips: ['10.1.1.7'] }),
      pod('b/client', { node: 'n2', labels: { app: 'client' }, ips: ['10.1.1.9'] }),
      pod('b/host', { hostNetwork: true, labels: { app: 'client' }, ips: ['192.0.2.1'] }),
      policy('a/default-deny', { podSelector: all, policyTypes: ['Ingress', 'Egress'] }),
      policy('a/web-from-blue', {
        podSelector: { matchLabels: { app: 'web' } },
        ingress: [
          {
            from: [{ namespaceSelector: { matchLabels: { team: 'blue' } } }],
            ports: [{ protocol: 'TCP', port: 'http' }],
          },
        ],
      }),
    );
    expect(renderTable(made.plan())).toMatchSnapshot();
  });

  it('is the same object, chain by chain, where nothing changed', () => {
    const made = planner(web, policy('a/p', { podSelector: all, ingress: [{ from: [{ podSelector: all }] }] }));
    const first = made.plan();
    made.apply([pod('b/other', { ips: ['10.1.0.9'] })]);
    const second = made.plan();
    for (const [name, chain] of first.chains) expect(second.chains.get(name), name).toBe(chain);
  });
});

describe('rules', () => {
  const rules = (spec: Omit<NetworkPolicySpec, 'podSelector'>) =>
    policyRules(web, policy('a/p', { podSelector: all, ...spec }));

  it.each<[string, Omit<NetworkPolicySpec, 'podSelector'>, string[]]>([
    ['nobody', { ingress: [] }, []],
    ['everybody', { ingress: [{}] }, ['accept']],
    ['a port', { ingress: [{ ports: [{ port: 80 }] }] }, ['tcp dport 80 accept']],
    ['all of a protocol', { ingress: [{ ports: [{ protocol: 'SCTP' }] }] }, ['meta l4proto sctp accept']],
    [
      'ports and ranges, which may overlap',
      {
        ingress: [
          {
            ports: [
              { port: 90, endPort: 100 },
              { port: 80 },
              { port: 95, endPort: 110 },
              { protocol: 'UDP', port: 53 },
            ],
          },
        ],
      },
      ['tcp dport { 80, 90-110 } accept', 'udp dport 53 accept'],
    ],
    [
      'a block with exceptions',
      { ingress: [{ from: [{ ipBlock: { cidr: '10.0.0.0/8', except: ['10.1.0.0/16', '10.2.0.0/16'] } }] }] },
      ['ip saddr 10.0.0.0/8 ip saddr != 10.1.0.0/16 ip saddr != 10.2.0.0/16 accept'],
    ],
    [
      'a block of IPv6, to it',
      { policyTypes: ['Egress'], egress: [{ to: [{ ipBlock: { cidr: 'fd00::/8' } }] }] },
      ['ip6 daddr fd00::/8 accept'],
    ],
    [
      'pods and a port',
      { ingress: [{ from: [{ podSelector: all }], ports: [{ port: 80 }] }] },
      ['ip saddr @pods-#-4 tcp dport 80 accept', 'ip6 saddr @pods-#-6 tcp dport 80 accept'],
    ],
    [
      'a named port, in each family',
      { ingress: [{ ports: [{ port: 'http' }] }] },
      ['ip daddr . meta l4proto . th dport @port-#-4 accept', 'ip6 daddr . meta l4proto . th dport @port-#-6 accept'],
    ],
  ])('%s', (_what, spec, expected) => {
    expect(rules(spec)).toEqual(expected);
  });
});

describe('who is meant', () => {
  const setOf = (made: PolicyPlanner, prefix: string) =>
    [...made.plan().sets]
      .filter(([name]) => name.startsWith(prefix))
      .flatMap(([, { elements }]) => [...elements.keys()])
      .sort();
  const from = (...peers: object[]) => policy('a/p', { podSelector: all, ingress: [{ from: peers }] });
  const people = [
    namespace('a', { n: 'a' }),
    namespace('b', { n: 'b' }),
    web,
    pod('a/x', { labels: { x: '1' }, ips: ['10.1.0.7'] }),
    pod('b/x', { labels: { x: '1' }, ips: ['10.1.0.8'] }),
    pod('b/y', { ips: ['10.1.0.9'] }),
  ];

  it.each([
    ['pods of the own namespace', { podSelector: { matchLabels: { x: '1' } } }, ['10.1.0.7']],
    ['all pods of other namespaces', { namespaceSelector: { matchLabels: { n: 'b' } } }, ['10.1.0.8', '10.1.0.9']],
    [
      'pods of other namespaces',
      { namespaceSelector: { matchLabels: { n: 'b' } }, podSelector: { matchLabels: { x: '1' } } },
      ['10.1.0.8'],
    ],
    [
      'all pods of all namespaces',
      { namespaceSelector: {} },
      ['10.1.0.5', '10.1.0.7', '10.1.0.8', '10.1.0.9', 'fd00::5'],
    ],
    [
      'this node’s DNS, by the labels that it has elsewhere',
      { namespaceSelector: {}, podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } } },
      ['10.96.0.10'],
    ],
  ])('%s', (_what, peer, expected) => {
    const system = namespace('kube-system');
    const found = setOf(planner(...people, system, from(peer)), 'pods-');
    expect(found.filter((address) => address !== '10.96.0.10' || expected.includes(address))).toEqual(expected);
  });

  it('follows pods, labels and namespaces', () => {
    const made = planner(
      ...people,
      from({ namespaceSelector: { matchLabels: { n: 'b' } }, podSelector: { matchLabels: { x: '1' } } }),
    );
    made.apply([pod('b/y', { labels: { x: '1' }, ips: ['10.1.0.9'] })]);
    expect(setOf(made, 'pods-')).toEqual(['10.1.0.8', '10.1.0.9']);
    made.apply([namespace('a', { n: 'b' })]);
    expect(setOf(made, 'pods-')).toEqual(['10.1.0.7', '10.1.0.8', '10.1.0.9']);
    made.apply([change('pods', 'b/x', undefined, podObject('b/x', { ips: ['10.1.0.8'] })), namespace('a', { n: 'a' })]);
    expect(setOf(made, 'pods-')).toEqual(['10.1.0.9']);
  });

  it('knows pods of its own before masters do, and does not take an old one of the same name for it', () => {
    const made = planner(...people, from({ podSelector: { matchLabels: { x: '1' } } }));
    const early = {
      key: 'a/x',
      uid: 'new',
      namespace: 'a',
      labels: { x: '1' },
      addresses: ['10.1.0.77'],
      node: 'n1',
      hostNetwork: false,
      ports: [],
    };
    made.addEarly(early);
    made.apply([change('pods', 'a/x', undefined, podObject('a/x', { ips: ['10.1.0.7'] }))]);
    expect(setOf(made, 'pods-')).toEqual(['10.1.0.77']);
    expect(setOf(made, 'ingress-')).toEqual(['10.1.0.5', '10.1.0.77', 'fd00::5']);
    made.removeEarly('new');
    expect(setOf(made, 'pods-')).toEqual([]);
  });
});
