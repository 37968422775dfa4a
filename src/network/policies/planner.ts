/**
 * From NetworkPolicies, pods and namespaces to this node's table of rules. What a pod may send is decided where it runs, and what it may be sent
 * likewise, so that a packet between nodes passes two nodes' rules. Follows changes: a pod that comes costs one look at each selection.
 * No I/O.
 *
 * A packet: established connections pass; a pod that is selected by a policy for the direction goes to the chain of exactly the policies that
 * select it, which jumps to each policy's own chain, where what is allowed is accepted, and ends in a drop. What a node itself sends to its
 * own pods (probes) passes no hook that is looked at here.
 */
import { isIPv6 } from 'node:net';
import type { Namespace, Pod } from '../../api/generated/types/core-v1.ts';
import type { NetworkPolicy } from '../../api/generated/types/networking-v1.ts';
import type { Chain, NftSet, Table } from '../nftables/types.ts';
import type { NetworkChange } from '../view.ts';
import {
  compilePolicy,
  type Direction,
  isSelected,
  type Policy,
  type PolicyPod,
  type Selection,
  selects,
} from './compile.ts';
import { namedPortSet, rulesOf, selectionSet, shortHash } from './rules.ts';

export const policyTableName = 'trimast-policy';

interface Members {
  readonly selection: Selection;
  readonly pods: Map<string, PolicyPod>;
  /** Undefined: to be made anew. */
  sets: readonly [NftSet, NftSet] | undefined;
}

interface CompiledPolicy {
  readonly policy: Policy;
  readonly chains: ReadonlyMap<string, Chain>;
}

const directions: readonly Direction[] = ['ingress', 'egress'];
const established = 'ct state established,related accept';
const neighbours =
  'icmpv6 type { nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert } accept';
const toItself = ['ip saddr . ip daddr @self-4 accept', 'ip6 saddr . ip6 daddr @self-6 accept'];
const dispatch = {
  ingress: ['ip daddr vmap @ingress-4', 'ip6 daddr vmap @ingress-6'],
  egress: ['ip saddr vmap @egress-4', 'ip6 saddr vmap @egress-6'],
};
const filter = (hook: 'forward' | 'input', priority: number, rules: readonly string[]): Chain => ({
  hook: { type: 'filter', hook, priority },
  rules,
});
/** Two chains look at what is forwarded: what the first accepts still has to pass the second. */
const baseChains: readonly [string, Chain][] = [
  ['forward-egress', filter('forward', 0, [established, ...toItself, ...dispatch.egress])],
  ['forward-ingress', filter('forward', 1, [established, ...toItself, ...dispatch.ingress])],
  ['input-egress', filter('input', 0, [established, neighbours, ...dispatch.egress])],
];

export class PolicyPlanner {
  readonly #nodeName: string;
  readonly #pods = new Map<string, PolicyPod>();
  /** Pods that this node knows before the masters tell of them, by key. */
  readonly #early = new Map<string, PolicyPod>();
  readonly #policies = new Map<string, CompiledPolicy>();
  readonly #namespaces = new Map<string, Readonly<Record<string, string>>>();
  readonly #selections = new Map<string, Members>();
  readonly #groups = new Map<string, Chain>();

  constructor(nodeName: string, dns: readonly string[] = []) {
    this.#nodeName = nodeName;
    // Policies allow DNS by the labels of the pods that usually answer. Here every node answers itself.
    if (dns.length > 0) this.#pods.set(dnsPod(dns).key, dnsPod(dns));
  }

  get policyCount(): number {
    return this.#policies.size;
  }

  apply(changes: readonly NetworkChange[]): void {
    for (const change of changes) {
      if (change.resource === 'networkpolicies') this.#policyChanged(change.key, change.object);
      else if (change.resource === 'namespaces') this.#namespaceChanged(change.key, change.object);
      else if (change.resource === 'pods') this.#podTold(change.key, change.old, change.object);
    }
    if (changes.some(({ resource }) => resource === 'networkpolicies')) this.#renewSelections();
  }

  /** A pod of this node has got its addresses; masters hear of it only now. */
  addEarly(pod: PolicyPod): void {
    this.#early.set(pod.key, pod);
    this.#put(pod.key, pod);
  }

  /** The pod is gone from this node. */
  removeEarly(uid: string): void {
    for (const [key, pod] of this.#early) {
      if (pod.uid !== uid) continue;
      this.#early.delete(key);
      if (this.#pods.get(key)?.uid === uid) this.#put(key, undefined);
    }
  }

  plan(): Table {
    // Without policies packets pay nothing.
    if (this.#policies.size === 0) return { family: 'inet', name: policyTableName, chains: new Map(), sets: new Map() };
    const chains = new Map<string, Chain>(baseChains);
    const verdicts = { ingress: new Map<string, string>(), egress: new Map<string, string>() };
    const self = new Map<string, string>();
    const usedGroups = new Set<string>();
    for (const pod of this.#subjects()) {
      for (const direction of directions) {
        const policies = this.#policiesOf(pod, direction);
        if (policies.length === 0) continue;
        const group = groupName(direction, policies);
        usedGroups.add(group);
        chains.set(group, this.#group(group, direction, policies));
        for (const { policy, chains: own } of policies) chains.set(chainName(direction, policy), own.get(direction)!);
        for (const address of pod.addresses) verdicts[direction].set(address, `jump ${group}`);
      }
      for (const address of pod.addresses) self.set(`${address} . ${address}`, '');
    }
    for (const name of this.#groups.keys()) if (!usedGroups.has(name)) this.#groups.delete(name);
    const sets = new Map<string, NftSet>();
    for (const direction of directions)
      addFamilies(sets, direction, 'map', verdicts[direction], (type) => `${type} : verdict`);
    addFamilies(sets, 'self', 'set', self, (type) => `${type} . ${type}`);
    this.#addReferences(chains, sets);
    return { family: 'inet', name: policyTableName, chains, sets };
  }

  /** Pods of this node that some policy selects. */
  *#subjects(): Generator<PolicyPod> {
    for (const pod of this.#pods.values()) {
      if (pod.node !== this.#nodeName || pod.hostNetwork) continue;
      for (const { policy } of this.#policies.values()) {
        if (!selects(policy, pod)) continue;
        yield pod;
        break;
      }
    }
  }

  #policiesOf(pod: PolicyPod, direction: Direction): CompiledPolicy[] {
    return [...this.#policies.values()]
      .filter(({ policy }) => policy[direction] !== undefined && selects(policy, pod))
      .sort((a, b) => (a.policy.key < b.policy.key ? -1 : 1));
  }

  #group(name: string, direction: Direction, policies: readonly CompiledPolicy[]): Chain {
    let chain = this.#groups.get(name);
    if (!chain) {
      chain = { rules: [...policies.map(({ policy }) => `jump ${chainName(direction, policy)}`), 'counter drop'] };
      this.#groups.set(name, chain);
    }
    return chain;
  }

  /** Only sets that some rule of this node names. */
  #addReferences(chains: ReadonlyMap<string, Chain>, sets: Map<string, NftSet>): void {
    const named = new Set<string>();
    for (const { rules } of chains.values())
      for (const rule of rules)
        for (const [, name] of rule.matchAll(/@((?:pods|port)-[0-9a-f]{12})-/g)) named.add(name!);
    if (named.size === 0) return;
    for (const members of this.#selections.values()) {
      const name = selectionSet(members.selection.key);
      if (!named.has(name)) continue;
      members.sets ??= makeSets('set', addressElements(members.pods.values()), (type) => type);
      sets.set(`${name}-4`, members.sets[0]).set(`${name}-6`, members.sets[1]);
    }
    for (const [port, elements] of this.#namedPorts()) {
      if (!named.has(port)) continue;
      addFamilies(sets, port, 'set', elements, (type) => `${type} . inet_proto . inet_service`);
    }
  }

  /** Every port name that a policy mentions, also one that no pod has. */
  #namedPorts(): Map<string, Map<string, string>> {
    const all = new Map<string, Map<string, string>>();
    for (const { policy } of this.#policies.values())
      for (const direction of directions)
        for (const { ports = [] } of policy[direction] ?? [])
          for (const { name, protocol } of ports)
            if (name !== undefined) all.set(namedPortSet(name, protocol), new Map());
    if (all.size === 0) return all;
    for (const { addresses, ports, hostNetwork } of this.#pods.values()) {
      if (hostNetwork) continue;
      for (const { name, protocol, port } of ports)
        for (const address of addresses)
          all.get(namedPortSet(name, protocol))?.set(`${address} . ${protocol} . ${port}`, '');
    }
    return all;
  }

  #policyChanged(key: string, object: NetworkPolicy | undefined): void {
    if (!object) {
      this.#policies.delete(key);
      return;
    }
    const policy = compilePolicy(object);
    const chains = new Map<string, Chain>();
    for (const direction of directions) {
      const rules = policy[direction];
      if (rules) chains.set(direction, { rules: rulesOf(rules, direction) });
    }
    this.#policies.set(key, { policy, chains });
  }

  #renewSelections(): void {
    const wanted = new Map<string, Selection>();
    for (const { policy } of this.#policies.values())
      for (const direction of directions)
        for (const { peers = [] } of policy[direction] ?? [])
          for (const peer of peers) if (peer.kind === 'pods') wanted.set(peer.selection.key, peer.selection);
    for (const key of this.#selections.keys()) if (!wanted.has(key)) this.#selections.delete(key);
    for (const [key, selection] of wanted) {
      if (this.#selections.has(key)) continue;
      const members: Members = { selection, pods: new Map(), sets: undefined };
      this.#selections.set(key, members);
      for (const pod of this.#pods.values()) this.#judge(members, pod.key, pod);
    }
  }

  #namespaceChanged(name: string, object: Namespace | undefined): void {
    if (object) this.#namespaces.set(name, object.metadata?.labels ?? {});
    else this.#namespaces.delete(name);
    for (const members of this.#selections.values()) {
      if (typeof members.selection.namespace === 'string') continue;
      for (const pod of this.#pods.values()) if (pod.namespace === name) this.#judge(members, pod.key, pod);
    }
  }

  #podTold(key: string, old: Pod | undefined, object: Pod | undefined): void {
    const early = this.#early.get(key);
    if (early && (object ?? old)?.metadata?.uid !== early.uid) return;
    this.#early.delete(key);
    this.#put(key, object && policyPod(object));
  }

  #put(key: string, pod: PolicyPod | undefined): void {
    if (pod) this.#pods.set(key, pod);
    else this.#pods.delete(key);
    for (const members of this.#selections.values()) this.#judge(members, key, pod);
  }

  #judge(members: Members, key: string, pod: PolicyPod | undefined): void {
    const was = members.pods.get(key);
    const is = pod && isSelected(members.selection, pod, (name) => this.#namespaces.get(name)) ? pod : undefined;
    if (is) members.pods.set(key, is);
    else members.pods.delete(key);
    if (was?.addresses.join() !== is?.addresses.join()) members.sets = undefined;
  }
}

export function policyPod({ metadata, spec, status }: Pod): PolicyPod {
  const { namespace = '', name = '', uid = '', labels = {} } = metadata ?? {};
  const containers = [...(spec?.containers ?? []), ...(spec?.initContainers ?? []).filter(isSidecar)];
  return {
    key: `${namespace}/${name}`,
    uid,
    namespace,
    labels,
    addresses: (status?.podIPs ?? []).map(({ ip }) => ip),
    node: spec?.nodeName ?? '',
    hostNetwork: spec?.hostNetwork === true,
    ports: containers.flatMap(({ ports = [] }) =>
      ports.flatMap((port) =>
        port.name
          ? [{ name: port.name, protocol: (port.protocol ?? 'TCP').toLowerCase(), port: port.containerPort }]
          : [],
      ),
    ),
  };
}

function isSidecar({ restartPolicy }: { restartPolicy?: string | undefined }): boolean {
  return restartPolicy === 'Always';
}

function dnsPod(addresses: readonly string[]): PolicyPod {
  return {
    key: 'kube-system/kube-dns (every node)',
    uid: '',
    namespace: 'kube-system',
    labels: { 'k8s-app': 'kube-dns' },
    addresses,
    node: '',
    hostNetwork: false,
    ports: [
      { name: 'dns', protocol: 'udp', port: 53 },
      { name: 'dns-tcp', protocol: 'tcp', port: 53 },
    ],
  };
}

function groupName(direction: Direction, policies: readonly CompiledPolicy[]): string {
  return `${direction}-${shortHash(policies.map(({ policy }) => policy.key).join())}`;
}

function chainName(direction: Direction, policy: Policy): string {
  return `${direction}-of-${shortHash(policy.key)}`;
}

function addressElements(pods: Iterable<PolicyPod>): Map<string, string> {
  const elements = new Map<string, string>();
  for (const { addresses } of pods) for (const address of addresses) elements.set(address, '');
  return elements;
}

function makeSets(
  kind: 'set' | 'map',
  elements: ReadonlyMap<string, string>,
  type: (address: string) => string,
): readonly [NftSet, NftSet] {
  const ofFamily = (wanted: boolean) => new Map([...elements].filter(([key]) => isIPv6(key.split(' ')[0]!) === wanted));
  return [
    { kind, type: `type ${type('ipv4_addr')}`, elements: ofFamily(false) },
    { kind, type: `type ${type('ipv6_addr')}`, elements: ofFamily(true) },
  ];
}

function addFamilies(
  sets: Map<string, NftSet>,
  name: string,
  kind: 'set' | 'map',
  elements: ReadonlyMap<string, string>,
  type: (address: string) => string,
): void {
  const [four, six] = makeSets(kind, elements, type);
  sets.set(`${name}-4`, four).set(`${name}-6`, six);
}
