import { describe, expect, it } from 'vitest';
import { testContainer, testPod } from '../testing/pods.ts';
import { containerSpec } from './container-spec.ts';
import { pullPolicy } from './pull-image.ts';
import { containerResources } from './qos.ts';
import { parseResolvConf, sandboxSpec } from './sandbox-spec.ts';
import type { WantedPod } from './types.ts';

const hostDns = { servers: ['192.0.2.53'], searches: ['example.org'], options: ['timeout:1'] };

function sandbox(spec: Partial<WantedPod['spec']>, clusterDns = ['10.96.0.10']) {
  const context = {
    attempt: 0,
    logDirectory: '/logs',
    cgroupParent: '/c',
    clusterDns,
    clusterDomain: 'cluster.local',
    hostDns,
  };
  return sandboxSpec(testPod(spec), context);
}

describe('sandboxSpec', () => {
  it('names host, pod and namespaces', () => {
    const spec = sandbox({ hostname: 'h', shareProcessNamespace: true });
    expect(spec).toMatchObject({ hostname: 'h', namespaces: { sharePid: true, hostNetwork: false } });
    expect(spec.labels).toMatchObject({ 'io.kubernetes.pod.name': 'web', 'io.kubernetes.pod.uid': 'uid-1' });
  });

  it('publishes host ports, but not in the network of the host', () => {
    const containers = [
      testContainer('app', { ports: [{ containerPort: 80, hostPort: 8080 }, { containerPort: 81 }] }),
    ];
    expect(sandbox({ containers }).portMappings).toEqual([
      { protocol: 'TCP', containerPort: 80, hostPort: 8080, hostIp: '' },
    ]);
    expect(sandbox({ containers, hostNetwork: true }).portMappings).toEqual([]);
  });

  it.each([
    ['ClusterFirst', {}, { servers: ['10.96.0.10'], options: ['ndots:5'] }],
    ['Default', { dnsPolicy: 'Default' }, hostDns],
    ['ClusterFirst in the network of the host', { hostNetwork: true }, hostDns],
    [
      'None',
      { dnsPolicy: 'None', dnsConfig: { nameservers: ['192.0.2.1'] } },
      { servers: ['192.0.2.1'], searches: [] },
    ],
    ['extra options', { dnsConfig: { options: [{ name: 'ndots', value: '2' }] } }, { options: ['ndots:2'] }],
  ])('DNS: %s', (_name, spec, expected) => {
    expect(sandbox(spec).dns).toMatchObject(expected);
  });

  it('DNS: ClusterFirst without a cluster DNS is that of the host', () => {
    expect(sandbox({}, []).dns).toEqual(hostDns);
    const searches = ['default.svc.cluster.local', 'svc.cluster.local', 'cluster.local', 'example.org'];
    expect(sandbox({}).dns?.searches).toEqual(searches);
  });

  it('reads a resolv.conf', () => {
    const text = '# x\nnameserver 192.0.2.53\nsearch example.org\noptions timeout:1\n';
    expect(parseResolvConf(text)).toEqual(hostDns);
  });
});

function spec(container: Parameters<typeof testContainer>[1], pod: Partial<WantedPod['spec']> = {}, user?: number) {
  const image = { id: 'sha256:1', ...(user !== undefined && { user }) };
  const env = [{ name: 'A', value: '1' }];
  const context = {
    attempt: 2,
    streak: 1,
    kind: 'regular' as const,
    image,
    env,
    mounts: [],
    nodeMemoryBytes: 2 ** 30,
    seccompDir: '/seccomp',
  };
  const own = testContainer('app', container);
  return containerSpec(testPod({ containers: [own], ...pod }), own, context);
}

describe('containerSpec', () => {
  it('expands references in command and arguments', () => {
    const result = spec({ command: ['echo', '$(A)', '$$(A)', '$(B)'], args: ['$(A)'] });
    expect(result).toMatchObject({ command: ['echo', '1', '$(A)', '$(B)'], args: ['1'], logPath: 'app/2.log' });
    expect(result.annotations).toMatchObject({ 'io.kubernetes.container.restartCount': '2' });
  });

  it('lets the security context of the container come before that of the pod', () => {
    const pod = { securityContext: { runAsUser: 1, runAsGroup: 2, fsGroup: 3, supplementalGroups: [4] } };
    const own = { runAsUser: 9, allowPrivilegeEscalation: false, capabilities: { add: ['NET_ADMIN'], drop: ['ALL'] } };
    expect(spec({ securityContext: own }, pod).security).toMatchObject({
      runAsUser: 9,
      runAsGroup: 2,
      supplementalGroups: [4, 3],
      noNewPrivileges: true,
      addCapabilities: ['NET_ADMIN'],
      dropCapabilities: ['ALL'],
    });
  });

  it('takes seccomp profiles and the mask of /proc from the container, then the pod', () => {
    const pod = { securityContext: { seccompProfile: { type: 'Unconfined' } } };
    expect(spec({}).security).toMatchObject({ seccomp: { type: 'RuntimeDefault' }, unmaskedProc: false });
    expect(spec({}, pod).security.seccomp).toEqual({ type: 'Unconfined' });
    const own = { seccompProfile: { type: 'Localhost', localhostProfile: 'p/x.json' }, procMount: 'Unmasked' };
    expect(spec({ securityContext: own }, pod).security).toMatchObject({
      seccomp: { type: 'Localhost', path: '/seccomp/p/x.json' },
      unmaskedProc: true,
    });
  });

  it('refuses root where runAsNonRoot asks for it', () => {
    const securityContext = { runAsNonRoot: true };
    expect(() => spec({ securityContext })).toThrow('image will run as root');
    expect(() => spec({ securityContext: { ...securityContext, runAsUser: 0 } })).toThrow('breaks non-root policy');
    expect(spec({ securityContext }, {}, 1000).security.runAsUser).toBeUndefined();
  });
});

describe('containerResources', () => {
  const pod = (resources: object) => testPod({ containers: [testContainer('app', { resources })] });

  it('turns requests and limits into cgroup values', () => {
    const burstable = pod({ requests: { cpu: '250m', memory: '256Mi' }, limits: { cpu: '1500m', memory: '512Mi' } });
    expect(containerResources(burstable, burstable.spec.containers[0]!, 2 ** 30)).toEqual({
      cpuShares: 256,
      cpuQuotaUs: 150_000,
      cpuPeriodUs: 100_000,
      memoryLimitBytes: 512 * 1024 * 1024,
      oomScoreAdj: 750,
    });
  });
});

it.each([
  ['app', undefined, 'Always'],
  ['app:1', undefined, 'IfNotPresent'],
  ['app:1', 'Always', 'Always'],
  ['trimast.local/busybox', undefined, 'IfNotPresent'],
  ['trimast.local/busybox', 'Never', 'Never'],
])('pullPolicy of %s with %s is %s', (image, imagePullPolicy, expected) => {
  expect(pullPolicy(testContainer('app', { image, ...(imagePullPolicy !== undefined && { imagePullPolicy }) }))).toBe(
    expected,
  );
});
