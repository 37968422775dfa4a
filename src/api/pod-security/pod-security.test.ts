import { describe, expect, test } from 'vitest';
import type { Container, PodSpec } from '../generated/types/core-v1.ts';
import { describeViolations, violations } from './evaluate.ts';
import { formatLevel, type Level, policyOf } from './policy.ts';

const hardened: NonNullable<Container['securityContext']> = {
  allowPrivilegeEscalation: false,
  capabilities: { drop: ['ALL'] },
  runAsNonRoot: true,
  seccompProfile: { type: 'RuntimeDefault' },
};

/** A pod that violates nothing, but for what is said. */
function podWith(
  spec: Partial<PodSpec>,
  context: Partial<typeof hardened> = {},
  container: Partial<Container> = {},
): PodSpec {
  const securityContext = { ...hardened, ...context };
  return { containers: [{ name: 'a', image: 'i', securityContext, ...container }], ...spec };
}

function judged(level: Level, spec: PodSpec, version = Infinity, annotations?: Record<string, string>): string {
  return describeViolations(violations({ level, version }, { annotations }, spec));
}

test('a hardened pod is fine at every level', () => {
  for (const level of ['privileged', 'baseline', 'restricted'] as const) expect(judged(level, podWith({}))).toBe('');
});

test('privileged allows everything', () => {
  expect(judged('privileged', podWith({ hostNetwork: true }, { privileged: true }))).toBe('');
});

const level = (type: string) => ({ type });
const baseline: [spec: PodSpec, told: string, annotations?: Record<string, string>][] = [
  [podWith({ hostNetwork: true, hostIPC: true }), 'host namespaces (hostNetwork=true, hostIPC=true)'],
  [podWith({}, { privileged: true }), 'privileged (container "a" must not set securityContext.privileged=true)'],
  [
    podWith({}, { capabilities: { drop: ['ALL'], add: ['SYS_ADMIN', 'CHOWN'] } }),
    'non-default capabilities (container "a" must not include "SYS_ADMIN" in securityContext.capabilities.add)',
  ],
  [podWith({ volumes: [{ name: 'h', hostPath: { path: '/' } }] }), 'hostPath volumes (volume "h")'],
  [
    podWith(
      {},
      {},
      {
        ports: [
          { containerPort: 1, hostPort: 90 },
          { containerPort: 2, hostPort: 80 },
        ],
      },
    ),
    'hostPort (container "a" uses hostPorts 80, 90)',
  ],
  [
    podWith({}, {}, { livenessProbe: { tcpSocket: { host: '1.1.1.1', port: 1 } } }),
    'probe or lifecycle host (container "a" uses probe or lifecycle host "1.1.1.1")',
  ],
  [
    podWith({}, { procMount: 'Unmasked' }),
    'procMount (container "a" must not set securityContext.procMount to "Unmasked")',
  ],
  [
    podWith({}, { seLinuxOptions: { type: 'spc_t', user: 'u' } }),
    'seLinuxOptions (container "a" set forbidden securityContext.seLinuxOptions: type "spc_t"; user may not be set)',
  ],
  [
    podWith({ securityContext: { seccompProfile: level('Unconfined') } }),
    'seccompProfile (pod must not set securityContext.seccompProfile.type to "Unconfined")',
  ],
  [
    podWith({ securityContext: { sysctls: [{ name: 'kernel.msgmax', value: '1' }] } }),
    'forbidden sysctls (kernel.msgmax)',
  ],
  [
    podWith({ securityContext: { windowsOptions: { hostProcess: true } } }),
    'hostProcess (pod must not set securityContext.windowsOptions.hostProcess=true)',
  ],
  [
    podWith({ securityContext: { appArmorProfile: level('Unconfined') } }),
    'forbidden AppArmor profile (pod must not set AppArmor profile type to "Unconfined")',
  ],
  [
    podWith({}),
    'forbidden AppArmor profile (annotation must not set AppArmor profile type to "container.apparmor.security.beta.kubernetes.io/a="unconfined"")',
    { 'container.apparmor.security.beta.kubernetes.io/a': 'unconfined' },
  ],
];

describe('baseline', () => {
  for (const [spec, told, annotations] of baseline) {
    test(told, () => expect(judged('baseline', spec, Infinity, annotations)).toBe(told));
  }
});

const restricted: [spec: PodSpec, told: string][] = [
  [
    podWith({}, { allowPrivilegeEscalation: undefined }),
    'allowPrivilegeEscalation != false (container "a" must set securityContext.allowPrivilegeEscalation=false)',
  ],
  [
    podWith({}, { capabilities: { add: ['SYS_TIME', 'NET_BIND_SERVICE'] } }),
    'unrestricted capabilities (container "a" must set securityContext.capabilities.drop=["ALL"]; container "a" must not include "SYS_TIME" in securityContext.capabilities.add)',
  ],
  [
    podWith({
      volumes: [
        { name: 'h', hostPath: { path: '/' } },
        { name: 'n', nfs: { server: 's', path: '/' } },
      ],
    }),
    'restricted volume types (volumes "h", "n" use restricted volume types "hostPath", "nfs")',
  ],
  [
    podWith({}, { runAsNonRoot: undefined }),
    'runAsNonRoot != true (pod or container "a" must set securityContext.runAsNonRoot=true)',
  ],
  [
    podWith({ securityContext: { runAsNonRoot: false } }),
    'runAsNonRoot != true (pod must not set securityContext.runAsNonRoot=false)',
  ],
  [podWith({ securityContext: { runAsUser: 0 } }), 'runAsUser=0 (pod must not set runAsUser=0)'],
  [
    podWith({}, { seccompProfile: undefined }),
    'seccompProfile (pod or container "a" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")',
  ],
];

describe('restricted', () => {
  for (const [spec, told] of restricted) {
    test(told, () =>
      expect([judged('restricted', spec), judged('baseline', spec, 34)]).toEqual([told, expect.anything()]),
    );
  }
});

test('an older version knows less', () => {
  const probe = podWith({}, {}, { readinessProbe: { httpGet: { host: 'h', port: 1 } } });
  expect([judged('baseline', probe, 33), judged('baseline', probe, 34)]).toEqual([
    '',
    expect.stringContaining('probe'),
  ]);
  const root = podWith({ hostUsers: false, securityContext: { runAsUser: 0 } });
  expect([judged('restricted', root, 34), judged('restricted', root, 35)]).toEqual([
    expect.stringContaining('runAsUser'),
    '',
  ]);
});

test('labels: levels and versions by mode; who enforces is warned of the same; what cannot be read is told', () => {
  const label = (mode: string) => `pod-security.kubernetes.io/${mode}`;
  const shown = (labels: Record<string, string>) => {
    const { policy, errors } = policyOf(labels);
    const { enforce, audit, warn } = policy;
    return [...[enforce, audit, warn].map(formatLevel), ...errors.map(({ field, message }) => `${field}: ${message}`)];
  };
  expect(shown({})).toEqual(['privileged:latest', 'privileged:latest', 'privileged:latest']);
  expect(shown({ [label('enforce')]: 'baseline', [label('enforce-version')]: 'v1.30' })).toEqual([
    'baseline:v1.30',
    'privileged:latest',
    'baseline:v1.30',
  ]);
  expect(shown({ [label('enforce')]: 'strict', [label('warn')]: 'privileged' })).toEqual([
    'restricted:latest',
    'privileged:latest',
    'privileged:latest',
    'metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: "strict": must be one of privileged, baseline, restricted',
  ]);
});
