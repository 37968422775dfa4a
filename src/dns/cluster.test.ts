/** The Kubernetes DNS specification 1.1.0 as a table: question, answer. */
import packet from 'dns-packet';
import { beforeAll, describe, expect, it } from 'vitest';
import { object, question, show, slice, TestCluster, type Told } from './testing/cluster.ts';

const service = (name: string, spec: object): Told => ['services', object('default', name, { spec })];
const http = { name: 'http', port: 80, protocol: 'TCP' };
const dns = { name: 'dns', port: 53, protocol: 'UDP' };

const told: Told[] = [
  ['namespaces', object('', 'default', {})],
  ['namespaces', object('', 'other', {})],
  ['nodes', object('', 'n1', { spec: { podCIDRs: ['10.244.1.0/24', 'fd00:1::/64'] } })],
  service('web', { clusterIP: '10.96.0.7', clusterIPs: ['10.96.0.7', 'fd00::7'], ports: [http, dns, { port: 9 }] }),
  service('pending', { ports: [http] }),
  service('outside', { type: 'ExternalName', externalName: 'www.example.com' }),
  service('inside', { type: 'ExternalName', externalName: 'web.default.svc.cluster.local' }),
  service('loop', { type: 'ExternalName', externalName: 'loop.default.svc.cluster.local' }),
  service('db', { clusterIP: 'None', ports: [http] }),
  service('empty', { clusterIP: 'None', ports: [http] }),
  service('six', { clusterIP: 'None' }),
  [
    'endpointslices',
    slice(
      'db',
      [
        { ip: '10.244.1.5', hostname: 'db-0' },
        { ip: '10.244.1.6' },
        { ip: '10.244.1.9', hostname: 'db-9', ready: false },
      ],
      [{ name: 'http', port: 8080, protocol: 'TCP' }],
    ),
  ],
  ['endpointslices', slice('six', [{ ip: 'fd00:1::5', hostname: 'six-0' }])],
  ['endpointslices', slice('empty', [{ ip: '10.244.1.8', ready: false }])],
];

const soa = 'authority cluster.local SOA';
const S = 'svc.cluster.local';
let cluster: TestCluster;
beforeAll(() => {
  cluster = new TestCluster(told);
});

describe('names of the cluster', () => {
  it.each([
    [`web.default.${S}`, 'A', `NOERROR aa: web.default.${S} A 10.96.0.7`],
    [`web.default.${S}`, 'AAAA', `NOERROR aa: web.default.${S} AAAA fd00::7`],
    [`WeB.Default.${S}`, 'A', `NOERROR aa: WeB.Default.${S} A 10.96.0.7`],
    [`web.default.${S}`, 'TXT', `NOERROR aa: ${soa}`],
    [
      `_http._tcp.web.default.${S}`,
      'SRV',
      `NOERROR aa: _http._tcp.web.default.${S} SRV 0 100 80 web.default.${S}: additional web.default.${S} A 10.96.0.7, web.default.${S} AAAA fd00::7`,
    ],
    [
      `_dns._udp.web.default.${S}`,
      'SRV',
      `NOERROR aa: _dns._udp.web.default.${S} SRV 0 100 53 web.default.${S}: additional web.default.${S} A 10.96.0.7, web.default.${S} AAAA fd00::7`,
    ],
    [`_dns._tcp.web.default.${S}`, 'SRV', `NXDOMAIN aa: ${soa}`],
    [`_http._tcp.web.default.${S}`, 'A', `NOERROR aa: ${soa}`],
    [`_tcp.web.default.${S}`, 'SRV', `NOERROR aa: ${soa}`],
    [`_sctp.web.default.${S}`, 'SRV', `NXDOMAIN aa: ${soa}`],
    [`nothing.default.${S}`, 'A', `NXDOMAIN aa: ${soa}`],
    [`pending.default.${S}`, 'A', `NXDOMAIN aa: ${soa}`],
    [`web.other.${S}`, 'A', `NXDOMAIN aa: ${soa}`],
    [`web.nowhere.${S}`, 'A', `NXDOMAIN aa: ${soa}`],
    [`default.${S}`, 'A', `NOERROR aa: ${soa}`],
    [S, 'A', `NOERROR aa: ${soa}`],
    ['cluster.local', 'A', `NOERROR aa: ${soa}`],
    ['cluster.local', 'SOA', 'NOERROR aa: cluster.local SOA'],
    [
      'cluster.local',
      'NS',
      'NOERROR aa: cluster.local NS ns.dns.cluster.local: additional ns.dns.cluster.local A 10.96.0.10',
    ],
    ['ns.dns.cluster.local', 'A', 'NOERROR aa: ns.dns.cluster.local A 10.96.0.10'],
    ['dns-version.cluster.local', 'TXT', 'NOERROR aa: dns-version.cluster.local TXT 1.1.0'],
    ['foo.cluster.local', 'A', `NXDOMAIN aa: ${soa}`],
    [`db.default.${S}`, 'A', `NOERROR aa: db.default.${S} A 10.244.1.5, db.default.${S} A 10.244.1.6`],
    [`db.default.${S}`, 'AAAA', `NOERROR aa: ${soa}`],
    [`db-0.db.default.${S}`, 'A', `NOERROR aa: db-0.db.default.${S} A 10.244.1.5`],
    [`10-244-1-6.db.default.${S}`, 'A', `NOERROR aa: 10-244-1-6.db.default.${S} A 10.244.1.6`],
    [`db-9.db.default.${S}`, 'A', `NXDOMAIN aa: ${soa}`],
    [
      `_http._tcp.db.default.${S}`,
      'SRV',
      `NOERROR aa: _http._tcp.db.default.${S} SRV 0 50 8080 db-0.db.default.${S}, _http._tcp.db.default.${S} SRV 0 50 8080 10-244-1-6.db.default.${S}: additional db-0.db.default.${S} A 10.244.1.5, 10-244-1-6.db.default.${S} A 10.244.1.6`,
    ],
    [
      `db.default.${S}`,
      'SRV',
      `NOERROR aa: db.default.${S} SRV 0 50 8080 db-0.db.default.${S}, db.default.${S} SRV 0 50 8080 10-244-1-6.db.default.${S}: additional db-0.db.default.${S} A 10.244.1.5, 10-244-1-6.db.default.${S} A 10.244.1.6`,
    ],
    [`empty.default.${S}`, 'A', `NXDOMAIN aa: ${soa}`],
    [`six.default.${S}`, 'AAAA', `NOERROR aa: six.default.${S} AAAA fd00:1::5`],
    [`six.default.${S}`, 'A', `NOERROR aa: ${soa}`],
    [`outside.default.${S}`, 'CNAME', `NOERROR aa: outside.default.${S} CNAME www.example.com`],
    [
      `inside.default.${S}`,
      'A',
      `NOERROR aa: inside.default.${S} CNAME web.default.${S}, web.default.${S} A 10.96.0.7`,
    ],
    [`loop.default.${S}`, 'A', 'SERVFAIL'],
    ['1-2-3-4.default.pod.cluster.local', 'A', 'NOERROR aa: 1-2-3-4.default.pod.cluster.local A 1.2.3.4'],
    ['fd00--1.default.pod.cluster.local', 'AAAA', 'NOERROR aa: fd00--1.default.pod.cluster.local AAAA fd00::1'],
    ['1-2-3-4.default.pod.cluster.local', 'AAAA', `NOERROR aa: ${soa}`],
    ['1-2-3-4.nowhere.pod.cluster.local', 'A', `NXDOMAIN aa: ${soa}`],
    ['x.default.pod.cluster.local', 'A', `NXDOMAIN aa: ${soa}`],
    ['7.0.96.10.in-addr.arpa', 'PTR', `NOERROR aa: 7.0.96.10.in-addr.arpa PTR web.default.${S}`],
    ['5.1.244.10.in-addr.arpa', 'PTR', `NOERROR aa: 5.1.244.10.in-addr.arpa PTR db-0.db.default.${S}`],
    ['6.1.244.10.in-addr.arpa', 'PTR', 'NXDOMAIN aa: authority 6.1.244.10.in-addr.arpa SOA'],
    [
      '7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa',
      'PTR',
      `NOERROR aa: 7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa PTR web.default.${S}`,
    ],
    [
      '5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0.0.0.0.0.d.f.ip6.arpa',
      'PTR',
      `NOERROR aa: 5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0.0.0.0.0.d.f.ip6.arpa PTR six-0.six.default.${S}`,
    ],
    [`web.default.${S}`, 'ANY', `NOERROR: web.default.${S} HINFO {"cpu":"RFC8482","os":""}`],
  ] as const)('%s %s', async (name, type, expected) => {
    expect(await cluster.line(name, type)).toBe(expected);
    expect(cluster.forwarded).toEqual([]);
  });

  it('all hold for five seconds', async () => {
    for (const [name, type] of [
      [`web.default.${S}`, 'A'],
      [`x.default.${S}`, 'A'],
    ] as const) {
      const { answers, authorities } = await cluster.ask(name, type);
      expect([...answers!, ...authorities!]).toMatchObject([{ ttl: 5 }]);
    }
  });

  it('are unknown, not missing, until the whole cluster has been told', async () => {
    const starting = new TestCluster(told, { complete: false });
    expect(await starting.line(`nothing.default.${S}`, 'A')).toBe('SERVFAIL');
  });

  it('follow the cluster', async () => {
    const changing = new TestCluster(told);
    const name = `later.default.${S}`;
    expect(await changing.line(name, 'A')).toMatch(/^NXDOMAIN/);
    changing.tell([service('later', { clusterIP: '10.96.0.99' })]);
    expect(await changing.line(name, 'A')).toBe(`NOERROR aa: ${name} A 10.96.0.99`);
    expect(await changing.line('99.0.96.10.in-addr.arpa', 'PTR')).toBe(
      `NOERROR aa: 99.0.96.10.in-addr.arpa PTR ${name}`,
    );
    changing.remove('services', 'default/later');
    expect(await changing.line(name, 'A')).toMatch(/^NXDOMAIN/);
    changing.tell([['endpointslices', slice('db', [{ ip: '10.244.1.7', hostname: 'db-0' }])]]);
    expect(await changing.line(`db.default.${S}`, 'A')).toBe(`NOERROR aa: db.default.${S} A 10.244.1.7`);
    expect(await changing.line('5.1.244.10.in-addr.arpa', 'PTR')).toMatch(/^NXDOMAIN/);
    changing.remove('endpointslices', 'default/db-1');
    expect(await changing.line(`db.default.${S}`, 'A')).toMatch(/^NXDOMAIN/);
  });

  it('lead with another address each time', async () => {
    let turn = 0;
    const turning = new TestCluster(told, { random: () => (turn++ % 2 === 0 ? 0 : 0.5) });
    const first = async () => (await turning.ask(`db.default.${S}`, 'A')).answers![0];
    expect([await first(), await first()]).toMatchObject([{ data: '10.244.1.5' }, { data: '10.244.1.6' }]);
  });
});

describe('other names', () => {
  it('are asked of other servers, also to complete a CNAME', async () => {
    const outside = new TestCluster(told, {
      forwarder: async ({ bytes }) => {
        const { questions } = packet.decode(bytes);
        const name = questions![0]!.name;
        return packet.encode({
          type: 'response',
          id: 7,
          questions: questions!,
          answers: [{ type: 'A', name, ttl: 30, data: '192.0.2.53' }],
        });
      },
    });
    expect(await outside.line('example.org', 'A')).toBe('NOERROR: example.org A 192.0.2.53');
    expect(await outside.line(`outside.default.${S}`, 'A')).toBe(
      `NOERROR aa: outside.default.${S} CNAME www.example.com, www.example.com A 192.0.2.53`,
    );
    expect(outside.forwarded).toEqual(['example.org', 'www.example.com']);
  });

  it('fail as such when nobody answers', async () => {
    const alone = new TestCluster(told);
    expect(await alone.line('example.org', 'A')).toBe('SERVFAIL');
    expect(await alone.line(`outside.default.${S}`, 'A')).toBe(
      `SERVFAIL aa: outside.default.${S} CNAME www.example.com`,
    );
    expect(await alone.line('8.8.8.8.in-addr.arpa', 'PTR')).toBe('SERVFAIL');
  });
});

describe('length of answers', () => {
  const many = Array.from({ length: 200 }, (_, i) => ({ ip: `10.244.2.${i}` }));
  const large = new TestCluster([
    ...told,
    service('many', { clusterIP: 'None' }),
    ['endpointslices', slice('many', many)],
  ]);
  const name = `many.default.${S}`;

  it.each([
    [undefined, 512],
    [100, 512],
    [900, 900],
    [4_096, 1_232],
  ])('over UDP with EDNS %s: at most %s bytes, cut off at a whole record and marked', async (edns, limit) => {
    const bytes = await large.raw(question(name, 'A', edns));
    const answer = packet.decode(bytes!);
    expect(bytes!.length).toBeLessThanOrEqual(limit);
    expect(bytes!.length).toBeGreaterThan(limit - 32);
    expect(answer.flag_tc).toBe(true);
    expect(answer.additionals).toHaveLength(edns === undefined ? 0 : 1);
  });

  it('over TCP: whole', async () => {
    const answer = await large.ask(name, 'A', { tcp: true });
    expect(answer.answers).toHaveLength(200);
    expect(answer.flag_tc).toBe(false);
  });

  it('over UDP to somebody who may be somebody else: no longer than the question', async () => {
    const asked = question(name, 'A', 4_096);
    const bytes = await large.raw(asked, { trusted: false });
    expect(bytes!.length).toBeLessThanOrEqual(asked.length);
    expect(show(packet.decode(bytes!))).toBe('NOERROR tc');
  });
});
