/** The baseline level of the Pod Security Standards: nothing by which a pod gets a hold of its node. */
import type { PodSpec, Probe, SELinuxOptions } from '../generated/types/core-v1.ts';
import {
  type Check,
  type CheckedPod,
  type CheckFunction,
  containersOf,
  hasOwnUsers,
  namesWhere,
  plural,
  quoted,
  setters,
  sorted,
  theContainers,
} from './check.ts';

const appArmor: CheckFunction = ({ spec, annotations }) => {
  const isBad = (type: string | undefined) => type !== undefined && type !== 'RuntimeDefault' && type !== 'Localhost';
  const podType = spec.securityContext?.appArmorProfile?.type;
  const names = namesWhere(spec, ({ securityContext }) => isBad(securityContext?.appArmorProfile?.type));
  const types = containersOf(spec).map(({ securityContext }) => securityContext?.appArmorProfile?.type);
  const badTypes = sorted([podType, ...types].filter(isBad) as string[]);
  const prefix = 'container.apparmor.security.beta.kubernetes.io/';
  const badAnnotations = Object.entries(annotations)
    .filter(([key]) => key.startsWith(prefix))
    .filter(([, value]) => value !== '' && value !== 'runtime/default' && !value.startsWith('localhost/'))
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
    .sort();
  const bad = [...badTypes, ...badAnnotations];
  if (bad.length === 0) return undefined;
  const who = [setters(isBad(podType), names), plural('annotation', 'annotations', badAnnotations.length)];
  const said = who.filter((part, index) => part !== '' && (index === 0 || badAnnotations.length > 0));
  return {
    reason: plural('forbidden AppArmor profile', 'forbidden AppArmor profiles', bad.length),
    detail: `${said.join(' and ')} must not set AppArmor profile type to ${quoted(bad)}`,
  };
};

const defaultCapabilities = new Set(
  'AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE SETFCAP SETGID SETPCAP SETUID SYS_CHROOT'.split(
    ' ',
  ),
);

const capabilities: CheckFunction = ({ spec }) => {
  const added = (container: ReturnType<typeof containersOf>[number]) =>
    (container.securityContext?.capabilities?.add ?? []).filter((one) => !defaultCapabilities.has(one));
  const names = namesWhere(spec, (container) => added(container).length > 0);
  if (names.length === 0) return undefined;
  const list = sorted(containersOf(spec).flatMap(added));
  const detail = `${theContainers(names)} must not include ${quoted(list)} in securityContext.capabilities.add`;
  return { reason: 'non-default capabilities', detail };
};

const hostNamespaces: CheckFunction = ({ spec }) => {
  const used = (['hostNetwork', 'hostPID', 'hostIPC'] as const).filter((field) => spec[field]);
  if (used.length === 0) return undefined;
  return { reason: 'host namespaces', detail: used.map((field) => `${field}=true`).join(', ') };
};

const hostPathVolumes: CheckFunction = ({ spec }) => {
  const names = (spec.volumes ?? []).filter(({ hostPath }) => hostPath).map(({ name }) => name);
  if (names.length === 0) return undefined;
  return { reason: 'hostPath volumes', detail: `${plural('volume', 'volumes', names.length)} ${quoted(names)}` };
};

const hostPorts: CheckFunction = ({ spec }) => {
  const names = namesWhere(spec, ({ ports }) => ports?.some(({ hostPort }) => hostPort) ?? false);
  if (names.length === 0) return undefined;
  const used = containersOf(spec).flatMap(({ ports }) => (ports ?? []).flatMap(({ hostPort }) => hostPort || []));
  const ports = sorted(used.map(String));
  const verb = plural('uses', 'use', names.length);
  const detail = `${theContainers(names)} ${verb} ${plural('hostPort', 'hostPorts', ports.length)} ${ports.join(', ')}`;
  return { reason: 'hostPort', detail };
};

type Handler = Pick<Probe, 'httpGet' | 'tcpSocket'> | undefined;

const hostProbes: CheckFunction = ({ spec }) => {
  const hosts = (container: ReturnType<typeof containersOf>[number]): string[] => {
    const { livenessProbe, readinessProbe, startupProbe, lifecycle } = container;
    const handlers: Handler[] = [livenessProbe, readinessProbe, startupProbe, lifecycle?.postStart, lifecycle?.preStop];
    return handlers.flatMap((handler) => [handler?.httpGet?.host, handler?.tcpSocket?.host]).filter(isText);
  };
  const names = sorted(namesWhere(spec, (container) => hosts(container).length > 0));
  if (names.length === 0) return undefined;
  const bad = sorted(containersOf(spec).flatMap(hosts));
  const what = plural('probe or lifecycle host', 'probe or lifecycle hosts', bad.length);
  const detail = `${theContainers(names)} ${plural('uses', 'use', names.length)} ${what} ${quoted(bad)}`;
  return { reason: 'probe or lifecycle host', detail };
};

function isText(value: string | undefined): value is string {
  return Boolean(value);
}

const privileged: CheckFunction = ({ spec }) => {
  const names = namesWhere(spec, ({ securityContext }) => securityContext?.privileged === true);
  if (names.length === 0) return undefined;
  return { reason: 'privileged', detail: `${theContainers(names)} must not set securityContext.privileged=true` };
};

export const procMount: CheckFunction = ({ spec }) => {
  const isBad = (value: string | undefined) => value !== undefined && value !== 'Default';
  const names = namesWhere(spec, ({ securityContext }) => isBad(securityContext?.procMount));
  if (names.length === 0) return undefined;
  const values = containersOf(spec).map(({ securityContext }) => securityContext?.procMount);
  const bad = quoted(sorted(values.filter(isBad) as string[]));
  return { reason: 'procMount', detail: `${theContainers(names)} must not set securityContext.procMount to ${bad}` };
};

function seLinux(allowed: ReadonlySet<string>): CheckFunction {
  return ({ spec }) => {
    const isBad = (options: SELinuxOptions | undefined) =>
      options !== undefined && (!allowed.has(options.type ?? '') || Boolean(options.user) || Boolean(options.role));
    const own = spec.securityContext?.seLinuxOptions;
    const names = namesWhere(spec, ({ securityContext }) => isBad(securityContext?.seLinuxOptions));
    const all = [own, ...containersOf(spec).map(({ securityContext }) => securityContext?.seLinuxOptions)].filter(
      isBad,
    );
    if (all.length === 0) return undefined;
    const types = sorted(all.map((options) => options?.type ?? '').filter((type) => !allowed.has(type)));
    const data = [
      ...(types.length > 0 ? [`${plural('type', 'types', types.length)} ${quoted(types)}`] : []),
      ...(all.some((options) => options?.user) ? ['user may not be set'] : []),
      ...(all.some((options) => options?.role) ? ['role may not be set'] : []),
    ];
    const who = setters(isBad(own), names);
    return {
      reason: 'seLinuxOptions',
      detail: `${who} set forbidden securityContext.seLinuxOptions: ${data.join('; ')}`,
    };
  };
}

const seLinuxTypes = ['', 'container_t', 'container_init_t', 'container_kvm_t'];

export function isForbiddenSeccomp(type: string | undefined): boolean {
  return type !== undefined && type !== 'Localhost' && type !== 'RuntimeDefault';
}

const seccompAnnotations: CheckFunction = ({ spec, annotations }) => {
  const keys = [
    'seccomp.security.alpha.kubernetes.io/pod',
    ...containersOf(spec).map(({ name }) => `container.seccomp.security.alpha.kubernetes.io/${name}`),
  ];
  const bad = sorted(
    keys.flatMap((key) => {
      const value = annotations[key];
      const isFine = value === 'runtime/default' || value === 'docker/default' || value?.startsWith('localhost/');
      return value === undefined || isFine ? [] : [`${key}=${JSON.stringify(value)}`];
    }),
  );
  if (bad.length === 0) return undefined;
  const what = plural('annotation', 'annotations', bad.length);
  return { reason: 'seccompProfile', detail: `forbidden ${what} ${bad.join(', ')}` };
};

/** Of profiles that are named, and should not be. */
export const seccomp: CheckFunction = ({ spec }) => {
  const own = spec.securityContext?.seccompProfile?.type;
  const names = namesWhere(spec, ({ securityContext }) => isForbiddenSeccomp(securityContext?.seccompProfile?.type));
  const types = [own, ...containersOf(spec).map(({ securityContext }) => securityContext?.seccompProfile?.type)];
  const bad = sorted(types.filter(isForbiddenSeccomp) as string[]);
  if (bad.length === 0) return undefined;
  const who = setters(isForbiddenSeccomp(own), names);
  return {
    reason: 'seccompProfile',
    detail: `${who} must not set securityContext.seccompProfile.type to ${quoted(bad)}`,
  };
};

const safeSysctls = [
  'kernel.shm_rmid_forced',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.tcp_syncookies',
  'net.ipv4.ping_group_range',
  'net.ipv4.ip_unprivileged_port_start',
];
const sysctlsSince27 = [...safeSysctls, 'net.ipv4.ip_local_reserved_ports'];
const sysctlsSince29 = [
  ...sysctlsSince27,
  'net.ipv4.tcp_keepalive_time',
  'net.ipv4.tcp_fin_timeout',
  'net.ipv4.tcp_keepalive_intvl',
  'net.ipv4.tcp_keepalive_probes',
];
const sysctlsSince32 = [...sysctlsSince29, 'net.ipv4.tcp_rmem', 'net.ipv4.tcp_wmem'];

function sysctls(allowed: readonly string[]): CheckFunction {
  return ({ spec }) => {
    const bad = (spec.securityContext?.sysctls ?? []).map(({ name }) => name).filter((name) => !allowed.includes(name));
    return bad.length === 0 ? undefined : { reason: 'forbidden sysctls', detail: bad.join(', ') };
  };
}

const windowsHostProcess: CheckFunction = ({ spec }) => {
  const isHost = (context: PodSpec['securityContext']) => context?.windowsOptions?.hostProcess === true;
  const names = namesWhere(spec, ({ securityContext }) => securityContext?.windowsOptions?.hostProcess === true);
  const who = setters(isHost(spec.securityContext), names);
  if (who === '') return undefined;
  return { reason: 'hostProcess', detail: `${who} must not set securityContext.windowsOptions.hostProcess=true` };
};

const unlessOwnUsers =
  (check: CheckFunction): CheckFunction =>
  (pod: CheckedPod) =>
    hasOwnUsers(pod.spec) ? undefined : check(pod);

/** In the order in which violations are told. */
export const baselineChecks: readonly Check[] = [
  { id: 'appArmorProfile', versions: [[0, appArmor]] },
  { id: 'capabilities_baseline', versions: [[0, capabilities]] },
  { id: 'hostNamespaces', versions: [[0, hostNamespaces]] },
  { id: 'hostPathVolumes', versions: [[0, hostPathVolumes]] },
  { id: 'hostPorts', versions: [[0, hostPorts]] },
  { id: 'hostProbesAndHostLifecycle', versions: [[34, hostProbes]] },
  { id: 'privileged', versions: [[0, privileged]] },
  {
    id: 'procMount',
    versions: [
      [0, procMount],
      [35, unlessOwnUsers(procMount)],
    ],
  },
  {
    id: 'seLinuxOptions',
    versions: [
      [0, seLinux(new Set(seLinuxTypes))],
      [31, seLinux(new Set([...seLinuxTypes, 'container_engine_t']))],
    ],
  },
  {
    id: 'seccompProfile_baseline',
    versions: [
      [0, seccompAnnotations],
      [19, seccomp],
    ],
  },
  {
    id: 'sysctls',
    versions: [
      [0, sysctls(safeSysctls)],
      [27, sysctls(sysctlsSince27)],
      [29, sysctls(sysctlsSince29)],
      [32, sysctls(sysctlsSince32)],
    ],
  },
  { id: 'windowsHostProcess', versions: [[0, windowsHostProcess]] },
];
