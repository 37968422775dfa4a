/** What the runtime is told of a pod's sandbox. Pure. */
import { type DnsConfig, type PortMapping, runtimeLabels, type SandboxSpec } from '../runtime/runtime.ts';
import type { WantedPod } from './types.ts';

export interface SandboxContext {
  readonly attempt: number;
  readonly logDirectory: string;
  readonly cgroupParent: string;
  readonly clusterDns: readonly string[];
  readonly clusterDomain: string;
  /** What the node itself uses: completes `dnsPolicy: ClusterFirst` and `Default`. */
  readonly hostDns: DnsConfig;
}

const MAX_HOSTNAME = 63;

export function podHostname(pod: WantedPod): string {
  const name = pod.spec.hostname ?? pod.metadata.name;
  return name.slice(0, MAX_HOSTNAME).replace(/[-.]+$/, '');
}

/** The name under which the pod finds itself in its hosts file, when it has a subdomain. */
export function podFqdn(pod: WantedPod, clusterDomain: string): string | undefined {
  const { subdomain } = pod.spec;
  return subdomain ? `${podHostname(pod)}.${subdomain}.${pod.metadata.namespace}.svc.${clusterDomain}` : undefined;
}

export function sandboxSpec(pod: WantedPod, context: SandboxContext): SandboxSpec {
  const { namespace, name, uid } = pod.metadata;
  const { spec } = pod;
  const security = spec.securityContext ?? {};
  const containers = [...spec.containers, ...(spec.initContainers ?? [])];
  return {
    pod: { namespace, name, uid },
    attempt: context.attempt,
    hostname: (spec.setHostnameAsFQDN && podFqdn(pod, context.clusterDomain)) || podHostname(pod),
    logDirectory: context.logDirectory,
    dns: podDns(pod, context),
    portMappings: spec.hostNetwork ? [] : portMappings(pod),
    labels: {
      ...pod.metadata.labels,
      [runtimeLabels.podName]: name,
      [runtimeLabels.podNamespace]: namespace,
      [runtimeLabels.podUid]: uid,
    },
    annotations: {},
    cgroupParent: context.cgroupParent,
    namespaces: {
      hostNetwork: spec.hostNetwork === true,
      hostPid: spec.hostPID === true,
      hostIpc: spec.hostIPC === true,
      sharePid: spec.shareProcessNamespace === true,
    },
    sysctls: Object.fromEntries((security.sysctls ?? []).map((sysctl) => [sysctl.name, sysctl.value])),
    privileged: containers.some((container) => container.securityContext?.privileged === true),
    ...(security.runAsUser !== undefined && { runAsUser: security.runAsUser }),
    ...(security.runAsUser !== undefined && security.runAsGroup !== undefined && { runAsGroup: security.runAsGroup }),
    supplementalGroups: supplementalGroups(pod),
  };
}

export function supplementalGroups(pod: WantedPod): number[] {
  const { fsGroup, supplementalGroups: groups = [] } = pod.spec.securityContext ?? {};
  return fsGroup === undefined ? groups : [...groups, fsGroup];
}

function portMappings(pod: WantedPod): PortMapping[] {
  const mappings: PortMapping[] = [];
  for (const container of pod.spec.containers) {
    for (const port of container.ports ?? []) {
      if (!port.hostPort) continue;
      mappings.push({
        protocol: (port.protocol ?? 'TCP') as PortMapping['protocol'],
        containerPort: port.containerPort,
        hostPort: port.hostPort,
        hostIp: port.hostIP ?? '',
      });
    }
  }
  return mappings;
}

/** ClusterFirst without a cluster DNS behaves like Default, as in Kubernetes. */
function podDns(pod: WantedPod, context: SandboxContext): DnsConfig {
  const policy = pod.spec.dnsPolicy ?? 'ClusterFirst';
  const { hostDns, clusterDomain } = context;
  const useCluster =
    context.clusterDns.length > 0 &&
    (policy === 'ClusterFirstWithHostNet' || (policy === 'ClusterFirst' && !pod.spec.hostNetwork));
  let dns: DnsConfig = hostDns;
  if (policy === 'None') dns = { servers: [], searches: [], options: [] };
  else if (useCluster) {
    const own = [`${pod.metadata.namespace}.svc.${clusterDomain}`, `svc.${clusterDomain}`, clusterDomain];
    dns = { servers: context.clusterDns, searches: [...own, ...hostDns.searches], options: ['ndots:5'] };
  }
  const extra = pod.spec.dnsConfig;
  if (!extra) return dns;
  const options = (extra.options ?? []).map(({ name, value }) =>
    value === undefined ? `${name}` : `${name}:${value}`,
  );
  const named = new Set((extra.options ?? []).map(({ name }) => name));
  return {
    servers: [...new Set([...dns.servers, ...(extra.nameservers ?? [])])],
    searches: [...new Set([...dns.searches, ...(extra.searches ?? [])])],
    options: [...dns.options.filter((option) => !named.has(option.split(':')[0])), ...options],
  };
}

/** Reads a resolv.conf. */
export function parseResolvConf(text: string): DnsConfig {
  const servers: string[] = [];
  let searches: string[] = [];
  let options: string[] = [];
  for (const line of text.split('\n')) {
    const [keyword, ...values] = line.trim().split(/\s+/);
    if (keyword === 'nameserver' && values[0] !== undefined) servers.push(values[0]);
    if (keyword === 'search') searches = values;
    if (keyword === 'options') options = values;
  }
  return { servers, searches, options };
}
