/** A NetworkPolicy as requirements, ready to be matched and written as rules. Pure. */
import type { NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort } from '../../api/generated/types/networking-v1.ts';
import { fromLabelSelector, type LabelRequirements, matchesLabels } from '../../api/meta/label-selector.ts';

export type Direction = 'ingress' | 'egress';

export interface Policy {
  /** `namespace/name`. */
  readonly key: string;
  readonly namespace: string;
  /** Undefined: selects nothing. */
  readonly pods: LabelRequirements | undefined;
  /** Undefined: says nothing of this direction. Empty: allows nothing. */
  readonly ingress: readonly PolicyRule[] | undefined;
  readonly egress: readonly PolicyRule[] | undefined;
}

export interface PolicyRule {
  /** Undefined: anybody. */
  readonly peers: readonly Peer[] | undefined;
  /** Undefined: every port of every protocol. */
  readonly ports: readonly PortMatch[] | undefined;
}

export type Peer =
  | { readonly kind: 'block'; readonly range: string; readonly except: readonly string[] }
  | { readonly kind: 'pods'; readonly selection: Selection };

/** Pods anywhere in the cluster. */
export interface Selection {
  /** The same for equal selections. */
  readonly key: string;
  /** One namespace by its name, or namespaces by their labels. */
  readonly namespace: string | LabelRequirements;
  readonly pods: LabelRequirements;
}

export interface PortMatch {
  /** In lower case. */
  readonly protocol: string;
  /** Undefined, with no name either: all of the protocol. */
  readonly first?: number;
  readonly last?: number;
  /** A port's name, which each pod may have under another number. */
  readonly name?: string;
}

export interface PolicyPod {
  readonly key: string;
  readonly uid: string;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly addresses: readonly string[];
  readonly node: string;
  /** Pods on the host's network are the host to everybody. */
  readonly hostNetwork: boolean;
  readonly ports: readonly { readonly name: string; readonly protocol: string; readonly port: number }[];
}

export type NamespaceLabels = (namespace: string) => Readonly<Record<string, string>> | undefined;

export function compilePolicy({ metadata, spec }: NetworkPolicy): Policy {
  const { namespace = '', name = '' } = metadata ?? {};
  const types = spec?.policyTypes ?? ['Ingress', ...(spec?.egress ? ['Egress'] : [])];
  const rule = (peers: readonly NetworkPolicyPeer[] | undefined, ports: readonly NetworkPolicyPort[] | undefined) => ({
    peers: peers?.length ? peers.map((peer) => compilePeer(peer, namespace)) : undefined,
    ports: ports?.length ? ports.map(compilePort) : undefined,
  });
  return {
    key: `${namespace}/${name}`,
    namespace,
    // The field is required; a missing one selects all pods, as an empty one does.
    pods: fromLabelSelector(spec?.podSelector ?? {}),
    ingress: types.includes('Ingress') ? (spec?.ingress ?? []).map(({ from, ports }) => rule(from, ports)) : undefined,
    egress: types.includes('Egress') ? (spec?.egress ?? []).map(({ to, ports }) => rule(to, ports)) : undefined,
  };
}

export function selects(policy: Policy, pod: PolicyPod): boolean {
  return (
    !pod.hostNetwork &&
    pod.namespace === policy.namespace &&
    policy.pods !== undefined &&
    matchesLabels(policy.pods, pod.labels)
  );
}

export function isSelected({ namespace, pods }: Selection, pod: PolicyPod, labelsOf: NamespaceLabels): boolean {
  if (pod.hostNetwork) return false;
  if (typeof namespace === 'string') {
    if (pod.namespace !== namespace) return false;
  } else {
    const labels = labelsOf(pod.namespace);
    if (!labels || !matchesLabels(namespace, labels)) return false;
  }
  return matchesLabels(pods, pod.labels);
}

const nobody: LabelRequirements = [{ key: 'nobody', operator: 'Gt', values: ['0'] }];

function compilePeer({ ipBlock, namespaceSelector, podSelector }: NetworkPolicyPeer, own: string): Peer {
  if (ipBlock) return { kind: 'block', range: ipBlock.cidr, except: ipBlock.except ?? [] };
  const namespace = namespaceSelector ? (fromLabelSelector(namespaceSelector) ?? nobody) : own;
  const pods = podSelector ? (fromLabelSelector(podSelector) ?? nobody) : [];
  return { kind: 'pods', selection: { key: JSON.stringify([namespace, pods]), namespace, pods } };
}

function compilePort({ protocol = 'TCP', port, endPort }: NetworkPolicyPort): PortMatch {
  const lower = protocol.toLowerCase();
  if (port === undefined || port === null) return { protocol: lower };
  if (typeof port === 'string' && !/^\d+$/.test(port)) return { protocol: lower, name: port };
  return { protocol: lower, first: Number(port), last: endPort ?? Number(port) };
}
