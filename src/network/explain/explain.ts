/** Where a packet goes and why it is dropped, step by step, in words. Pure. */
import { isIP } from 'node:net';
import type { Node, Pod, Service } from '../../api/generated/types/core-v1.ts';
import type { EndpointSlice } from '../../api/generated/types/discovery-v1.ts';
import { internalAddresses, podRanges } from '../pods/plan.ts';
import { compilePolicy, type Direction, type Policy, type PolicyPod } from '../policies/compile.ts';
import { policyPod } from '../policies/planner.ts';
import { rangeContains } from '../range.ts';
import type { NetworkView } from '../view.ts';
import { type End, judge, type Packet } from './judge.ts';

export interface Question {
  /** `NAME`, `pod/NAME`, `service/NAME` (each `NAMESPACE/…` too), or an address; with `:PORT`, a number or a Service port's name. */
  readonly to: string;
  /** A pod. Undefined: somebody outside of the cluster. */
  readonly from?: string | undefined;
  readonly namespace: string;
  /** In lower case. */
  readonly protocol: string;
}

export interface Explanation {
  readonly lines: readonly string[];
  /** Whether the packet arrives, at one backend at least. */
  readonly reaches: boolean;
}

export class UnknownTargetError extends Error {
  override readonly name = 'UnknownTargetError';
}

/** Backends that are gone through one by one. */
const maxBackends = 20;
const serviceLabel = 'kubernetes.io/service-name';
const outside: End = { address: '', pod: undefined };

/** @throws UnknownTargetError */
export function explain(view: NetworkView, question: Question): Explanation {
  return new Explainer(view, question).explain();
}

class Explainer {
  readonly #view: NetworkView;
  readonly #question: Question;
  readonly #lines: string[] = [];
  readonly #policies: Policy[];

  constructor(view: NetworkView, question: Question) {
    this.#view = view;
    this.#question = question;
    this.#policies = [...view.policies.values()].map(compilePolicy);
  }

  explain(): Explanation {
    const { to } = this.#question;
    const { name, port } = splitPort(to);
    const from = this.#from();
    const reaches = this.#toTarget(from, name, port);
    return { lines: this.#lines, reaches };
  }

  #from(): End {
    const { from } = this.#question;
    if (from === undefined) {
      this.#say('from outside of the cluster');
      return outside;
    }
    const pod = this.#pod(from.replace(/^pod\//, ''));
    if (!pod) throw new UnknownTargetError(`there is no pod "${from}" with an address`);
    this.#say(`from pod ${pod.key} (${pod.addresses.join(', ')}) on node ${pod.node}`);
    return endOf(pod);
  }

  #toTarget(from: End, name: string, port: string | undefined): boolean {
    if (isIP(name) !== 0) return this.#toAddress(from, name, port);
    const [kind, rest] = /^(pod|service|svc)\//.test(name)
      ? [name.split('/')[0]!, name.split('/').slice(1).join('/')]
      : ['', name];
    const pod = kind === 'pod' || kind === '' ? this.#pod(rest) : undefined;
    if (pod) return this.#toPod(from, pod, numberOf(port));
    const service = kind === 'pod' ? undefined : this.#view.services.get(this.#qualified(rest));
    if (service) return this.#toService(from, service, port);
    throw new UnknownTargetError(`there is no pod with an address and no Service "${this.#qualified(rest)}"`);
  }

  #toAddress(from: End, address: string, port: string | undefined): boolean {
    for (const service of this.#view.services.values()) {
      const { clusterIPs = [], externalIPs = [] } = service.spec ?? {};
      const balancers = (service.status?.loadBalancer?.ingress ?? []).map(({ ip }) => ip);
      if ([...clusterIPs, ...externalIPs, ...balancers].includes(address)) return this.#toService(from, service, port);
    }
    for (const pod of this.#view.pods.values()) {
      const known = policyPod(pod);
      if (!known.hostNetwork && known.addresses.includes(address)) return this.#toPod(from, known, numberOf(port));
    }
    const node = [...this.#view.nodes.values()].find((candidate) => internalAddresses(candidate).includes(address));
    if (node) this.#say(`${address} is node ${node.metadata?.name}`);
    else if (this.#rangeOf(address)) {
      this.#say(
        `${address} is in the pod range of node ${this.#rangeOf(address)?.metadata?.name}, but no pod has it: nobody answers`,
      );
      return false;
    } else
      this.#say(`${address} is outside of the cluster: the packet leaves with the address of its node (masquerade)`);
    return this.#verdicts(from, { address, pod: undefined }, numberOf(port));
  }

  #toService(from: End, service: Service, port: string | undefined): boolean {
    const { namespace, name } = service.metadata ?? {};
    const { type = 'ClusterIP', clusterIP, externalName, ports = [] } = service.spec ?? {};
    if (type === 'ExternalName') {
      this.#say(`Service ${namespace}/${name} is an alias: its name resolves to ${externalName}, nothing is forwarded`);
      return true;
    }
    const wanted = ports.filter(
      (candidate) =>
        (candidate.protocol ?? 'TCP').toLowerCase() === this.#question.protocol &&
        (port === undefined || candidate.name === port || String(candidate.port) === port),
    );
    const how = clusterIP === 'None' ? 'headless: its name resolves to the pods themselves' : `${type} at ${clusterIP}`;
    this.#say(`Service ${namespace}/${name}: ${how}`);
    if (namespace === 'kube-system' && name === 'kube-dns') {
      this.#say('each node answers itself at this address: no endpoints, no other node');
      const dns = dnsEnd(clusterIP ?? '');
      return this.#verdicts(from, dns, numberOf(port) ?? 53);
    }
    if (wanted.length === 0 && ports.length > 0) {
      const known = ports.map(
        (candidate) => `${candidate.name ? `${candidate.name} ` : ''}${candidate.port}/${candidate.protocol ?? 'TCP'}`,
      );
      this.#say(
        `no port ${port ?? ''} for ${this.#question.protocol}: dropped by the service proxy (it has ${known.join(', ')})`,
      );
      return false;
    }
    return this.#toBackends(
      from,
      service,
      wanted.map((candidate) => candidate.name ?? ''),
    );
  }

  #toBackends(from: End, service: Service, portNames: readonly string[]): boolean {
    const key = `${service.metadata?.namespace}/${service.metadata?.name}`;
    const slices = [...this.#view.endpointSlices.values()].filter(
      ({ metadata }) => `${metadata?.namespace}/${metadata?.labels?.[serviceLabel]}` === key,
    );
    const backends = slices.flatMap((slice) => readyBackends(slice, portNames));
    if (backends.length === 0) {
      const known = slices.flatMap(({ endpoints }) => endpoints ?? []).length;
      const why = known > 0 ? `none of ${known} endpoints is ready` : 'no endpoints: does its selector match any pod?';
      this.#say(`${why}; the service proxy rejects the connection`);
      return false;
    }
    this.#say(
      `${backends.length} ready ${backends.length === 1 ? 'endpoint' : 'endpoints'}, one of which is chosen per connection:`,
    );
    let reached = 0;
    for (const { address, port } of backends.slice(0, maxBackends)) {
      const pod = [...this.#view.pods.values()]
        .map(policyPod)
        .find((its) => !its.hostNetwork && its.addresses.includes(address));
      this.#say(`- ${address}${port === undefined ? '' : `:${port}`}`);
      if (pod ? this.#toPod(from, pod, port) : this.#verdicts(from, { address, pod: undefined }, port)) reached++;
    }
    if (reached > 0 && reached < Math.min(backends.length, maxBackends))
      this.#say(`only ${reached} of the endpoints can be reached: some connections fail`);
    return reached > 0;
  }

  #toPod(from: End, pod: PolicyPod, port: number | undefined): boolean {
    const same = from.pod !== undefined && from.pod.node === pod.node;
    const way =
      from.pod === undefined ? '' : same ? ', the same node' : `, over the network to ${this.#addressOf(pod.node)}`;
    this.#say(`to pod ${pod.key} (${pod.addresses.join(', ')}) on node ${pod.node}${way}`);
    return this.#verdicts(from, endOf(pod), port);
  }

  #verdicts(from: End, to: End, port: number | undefined): boolean {
    const packet: Packet = { from, to, protocol: this.#question.protocol, port };
    const sent = this.#verdict('egress', packet);
    return this.#verdict('ingress', packet) && sent;
  }

  #verdict(direction: Direction, packet: Packet): boolean {
    const { pod } = direction === 'ingress' ? packet.to : packet.from;
    // What answers on every node by itself is no pod that policies could select.
    if (!pod || pod.node === '') return true;
    const labelsOf = (name: string) => this.#view.namespaces.get(name)?.metadata?.labels;
    const { policies, allowed, by } = judge(this.#policies, direction, packet, labelsOf);
    const names = policies.map(({ key }) => key).join(', ');
    const what = `${direction} of pod ${pod.key}`;
    if (policies.length === 0) this.#say(`  ${what}: no policy selects it, everything passes`);
    else if (by) this.#say(`  ${what}: passes by rule ${by.rule} of policy ${by.policy.key}`);
    else if (allowed) this.#say(`  ${what}: a pod always reaches itself`);
    else this.#say(`  ${what}: DROPPED on node ${pod.node}: selected by ${names}, and no rule allows it`);
    return allowed;
  }

  #pod(name: string): PolicyPod | undefined {
    const pod = this.#view.pods.get(this.#qualified(name));
    return pod && policyPod(pod);
  }

  #qualified(name: string): string {
    return name.includes('/') ? name : `${this.#question.namespace}/${name}`;
  }

  #addressOf(node: string): string {
    const found = this.#view.nodes.get(node);
    return (found && internalAddresses(found)[0]) ?? node;
  }

  #rangeOf(address: string): Node | undefined {
    return [...this.#view.nodes.values()].find((node) =>
      podRanges(node).some((range) => rangeContains(range, address)),
    );
  }

  #say(line: string): void {
    this.#lines.push(line);
  }
}

function readyBackends({ endpoints, ports }: EndpointSlice, portNames: readonly string[]) {
  const chosen = (ports ?? []).filter(({ name = '' }) => portNames.length === 0 || portNames.includes(name));
  const numbers: (number | undefined)[] = chosen.length > 0 ? chosen.map(({ port }) => port) : [undefined];
  return (endpoints ?? [])
    .filter(({ conditions }) => conditions?.ready !== false)
    .flatMap(({ addresses }) => addresses.flatMap((address) => numbers.map((port) => ({ address, port }))));
}

function endOf(pod: PolicyPod): End {
  return pod.hostNetwork
    ? { address: pod.addresses[0] ?? '', pod: undefined }
    : { address: pod.addresses[0] ?? '', pod };
}

function dnsEnd(address: string): End {
  const pod = policyPod({
    metadata: { namespace: 'kube-system', name: 'kube-dns', labels: { 'k8s-app': 'kube-dns' } },
  } as Pod);
  return { address, pod: { ...pod, addresses: [address] } };
}

/** `web:80`, `10.0.0.1:80`, `[fd00::1]:80`, or without a port. */
function splitPort(text: string): { name: string; port: string | undefined } {
  if (isIP(text) !== 0) return { name: text, port: undefined };
  const match = /^(?:\[([^\]]+)\]|([^:]+))(?::([a-z0-9-]+))?$/.exec(text);
  if (!match) throw new UnknownTargetError(`"${text}": expected a pod, a Service or an address, with :PORT or without`);
  return { name: (match[1] ?? match[2])!, port: match[3] };
}

function numberOf(port: string | undefined): number | undefined {
  return port !== undefined && /^\d+$/.test(port) ? Number(port) : undefined;
}
