/** Pods' names and packets, for real: DNS, NetworkPolicies cell by cell, and what happens when somebody takes the network apart. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Event, Pod } from '../src/api/generated/types/core-v1.ts';
import { Cluster, waitFor } from './support/cluster.ts';

const run = promisify(execFile);
const cluster = new Cluster();

/** Who there is; every pod serves on two ports, of which one has a name that stands for another number in each pod. */
const people = [
  { namespace: 'red', name: 'web', node: 'worker-1', http: 8080, role: 'web' },
  { namespace: 'red', name: 'client', node: 'worker-2', http: 8081, role: 'client' },
  { namespace: 'blue', name: 'web', node: 'worker-2', http: 8080, role: 'web' },
  { namespace: 'blue', name: 'client', node: 'worker-1', http: 8081, role: 'client' },
] as const;
type Person = (typeof people)[number];
const ports = [8080, 8081, 9090, 9091] as const;

const podText = ({ namespace, name, node, http, role }: Person) => `
apiVersion: v1
kind: Pod
metadata: { name: ${name}, namespace: ${namespace}, labels: { role: ${role} } }
spec:
  nodeName: ${node}
  hostname: ${name}
  subdomain: peers
  terminationGracePeriodSeconds: 1
  containers:
  - name: main
    image: trimast.local/busybox
    command: [sh, -c, 'mkdir /www; hostname > /www/name; for port in ${ports.slice(0, 3).join(' ')}; do httpd -p $port -h /www; done; exec httpd -f -p ${ports[3]} -h /www']
    ports: [{ name: http, containerPort: ${http} }]
    readinessProbe: { httpGet: { path: /name, port: http }, periodSeconds: 1 }
`;

const namespaces = ['red', 'blue'].map(
  (name) => `
apiVersion: v1
kind: Namespace
metadata: { name: ${name}, labels: { team: ${name} } }
---
apiVersion: v1
kind: Service
metadata: { name: peers, namespace: ${name} }
spec: { clusterIP: None, ports: [{ name: http, port: 80, targetPort: http }] }
---
apiVersion: v1
kind: Service
metadata: { name: alias, namespace: ${name} }
spec: { type: ExternalName, externalName: web.peers.red.svc.cluster.local }
`,
);

const policies = `
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: { name: deny, namespace: red }
spec: { podSelector: {}, policyTypes: [Ingress] }
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: { name: web-by-name-from-blue-clients, namespace: red }
spec:
  podSelector: { matchLabels: { role: web } }
  ingress:
  - from: [{ namespaceSelector: { matchLabels: { team: blue } }, podSelector: { matchLabels: { role: client } } }]
    ports: [{ port: http }]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: { name: range-within-red, namespace: red }
spec:
  podSelector: {}
  ingress:
  - from: [{ podSelector: {} }]
    ports: [{ port: 9090, endPort: 9999 }]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: { name: clients-out, namespace: blue }
spec:
  podSelector: { matchLabels: { role: client } }
  policyTypes: [Egress]
  egress:
  - to: [{ namespaceSelector: { matchLabels: { team: red } } }]
    ports: [{ port: 8080 }, { port: 9090 }]
  - to: [{ namespaceSelector: {}, podSelector: { matchLabels: { k8s-app: kube-dns } } }]
    ports: [{ port: 53, protocol: UDP }]
`;

/** What the policies above mean, said another way. */
function isAllowed(from: Person, to: Person, port: number): boolean {
  if (from === to) return true;
  const leaves =
    from.namespace === 'blue' && from.role === 'client'
      ? to.namespace === 'red' && (port === 8080 || port === 9090)
      : true;
  if (to.namespace === 'blue') return leaves;
  const byName = to.role === 'web' && port === to.http && from.namespace === 'blue' && from.role === 'client';
  const inRange = from.namespace === 'red' && port >= 9090;
  return leaves && (byName || inRange);
}

const addresses = new Map<string, string>();
const nameOf = ({ namespace, name }: Person) => `${namespace}/${name}`;
const inPod = ({ namespace, name }: Person, script: string) =>
  cluster.tryKubectl(['exec', '-n', namespace, name, '--', 'sh', '-c', script]);

/** Fails where no answer comes. */
const request = (address: string, port: number) =>
  `printf 'GET /name HTTP/1.0\\r\\n\\r\\n' | nc -w 2 ${address} ${port} 2>/dev/null | grep -q 200`;

/** Every pod tries every port of every pod; one line per cell. */
async function probeAll(): Promise<string[]> {
  const lines = await Promise.all(
    people.map(async (from) => {
      const tries = people.flatMap((to) =>
        ports.map(
          (port) =>
            `(${request(addresses.get(nameOf(to))!, port)} && echo '${nameOf(from)} > ${nameOf(to)}:${port} yes' || echo '${nameOf(from)} > ${nameOf(to)}:${port} no') &`,
        ),
      );
      const { stdout } = await inPod(from, `${tries.join('\n')}\nwait`);
      return stdout.trim().split('\n');
    }),
  );
  return lines.flat().sort();
}

const table = (allowed: (from: Person, to: Person, port: number) => boolean) =>
  people
    .flatMap((from) =>
      people.flatMap((to) =>
        ports.map((port) => `${nameOf(from)} > ${nameOf(to)}:${port} ${allowed(from, to, port) ? 'yes' : 'no'}`),
      ),
    )
    .sort();

async function onNode(node: string, command: string, ...args: string[]): Promise<string> {
  const { stdout } = await run('ip', ['netns', 'exec', await namespaceOf(node), command, ...args]);
  return stdout;
}
async function namespaceOf(node: string): Promise<string> {
  const { members } = await cluster.status();
  const pid = members.find((member) => member.name === node)?.pid;
  const { stdout } = await run('ip', ['netns', 'identify', String(pid)]);
  return stdout.trim();
}

beforeAll(async () => {
  await cluster.up('--masters', '1', '--workers', '2');
  await cluster.kubectl('apply -f -', namespaces.join('---'));
  await waitFor('service accounts', async () => {
    const found = await Promise.all(
      ['red', 'blue'].map((name) => cluster.tryKubectl(['get', 'sa', 'default', '-n', name])),
    );
    return found.every(({ code }) => code === 0);
  });
  await cluster.kubectl('apply -f -', people.map(podText).join('---'));
  for (const { namespace, name } of people)
    await cluster.kubectl(`wait -n ${namespace} --for=condition=Ready pod/${name} --timeout=90s`);
  for (const person of people) {
    const pod = await cluster.json<Pod>(`get pod -n ${person.namespace} ${person.name}`);
    addresses.set(nameOf(person), pod.status!.podIP!);
  }
});

afterAll(async () => {
  await cluster.destroy();
});

test('without policies everybody reaches everybody, on one node and across', async () => {
  expect(await probeAll()).toEqual(table(() => true));
});

test('with policies every cell is what they say, and readiness probes go on', async () => {
  await cluster.kubectl('apply -f -', policies);
  const expected = table(isAllowed);
  expect(expected.length).toBeGreaterThanOrEqual(60);
  expect(expected.filter((line) => line.endsWith('yes')).length).toBeGreaterThan(15);
  await waitFor('the policies in force', async () => (await probeAll()).join() === expected.join(), 30_000).catch(
    () => {},
  );
  expect(await probeAll()).toEqual(expected);
  const { items } = await cluster.json<{ items: Pod[] }>('get pods -A');
  const ready = items.filter((pod) =>
    pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True'),
  );
  expect(ready).toHaveLength(people.length);
});

test('a policy counts before the first packet of a new pod', async () => {
  const target = addresses.get('red/web')!;
  const probes = Array.from(
    { length: 5 },
    (_, n) => `
apiVersion: v1
kind: Pod
metadata: { name: early-${n}, namespace: blue, labels: { role: client } }
spec:
  restartPolicy: Never
  terminationGracePeriodSeconds: 0
  containers:
  - name: main
    image: trimast.local/busybox
    command: [sh, -c, ${JSON.stringify(`${request(target, 9091)} && echo leaked || echo blocked`)}]
`,
  );
  await cluster.kubectl('apply -f -', probes.join('---'));
  const said = await Promise.all(
    probes.map((_, n) =>
      waitFor(
        `early-${n} has ended`,
        async () => {
          const { stdout } = await cluster.tryKubectl(['logs', '-n', 'blue', `early-${n}`]);
          return stdout.trim() || undefined;
        },
        60_000,
      ),
    ),
  );
  expect(said).toEqual(probes.map(() => 'blocked'));
});

test('names: Services, pods with a host name, aliases, and what is missing, also through a policy that allows only DNS', async () => {
  const [, , , client] = people;
  const lookUp = async (name: string) =>
    (await inPod(client, `nslookup -type=a ${name} 2>&1 | sed -n '/^Name/,$p'`)).stdout;
  expect(await lookUp('kubernetes.default.svc.cluster.local')).toContain('10.96.0.1');
  expect(await lookUp('kube-dns.kube-system.svc.cluster.local')).toContain('10.96.0.10');
  expect((await inPod(client, 'cat /etc/resolv.conf')).stdout).toBe(
    'search blue.svc.cluster.local svc.cluster.local cluster.local\nnameserver 10.96.0.10\noptions ndots:5\n',
  );
  expect((await inPod(client, 'nslookup nothing.blue.svc.cluster.local')).stdout).toContain('NXDOMAIN');
  const reverse = addresses.get('blue/web')!.split('.').join('-');
  expect(await lookUp(`${reverse}.blue.pod.cluster.local`)).toContain(addresses.get('blue/web')!);
});

test('a change of a Service is answered at once, and agents that restart lose no question', async () => {
  const [, , , client] = people;
  await cluster.kubectl(
    'apply -f -',
    'apiVersion: v1\nkind: Service\nmetadata: { name: later, namespace: blue }\nspec: { type: ExternalName, externalName: kubernetes.default.svc.cluster.local }\n',
  );
  await waitFor('the new name', async () =>
    (await inPod(client, 'nslookup -type=cname later.blue.svc.cluster.local')).stdout.includes('kubernetes.default'),
  );
  await inPod(
    client,
    '(look() { nslookup -type=a kubernetes.default.svc.cluster.local >/dev/null; }; failed=0; for n in $(seq 1 40); do look || look || failed=$((failed+1)); sleep 0.1; done; echo failed=$failed > /failed) >/dev/null 2>&1 &',
  );
  await cluster.must('restart', 'worker-1');
  const failed = () => inPod(client, 'cat /failed');
  await waitFor('all questions', async () => (await failed()).code === 0, 60_000);
  expect((await failed()).stdout.trim()).toBe('failed=0');
});

test('whoever takes the network apart gets it back', async () => {
  await onNode('worker-1', 'ip', 'route', 'flush', 'proto', '84');
  await onNode('worker-1', 'nft', 'delete', 'table', 'inet', 'trimast-policy');
  await onNode('worker-1', 'nft', 'flush', 'table', 'inet', 'trimast-masquerade');
  await onNode('worker-1', 'ip', 'address', 'del', '10.96.0.10/32', 'dev', 'lo');
  await waitFor('everything back', async () => {
    const [routes, rules, links] = await Promise.all([
      onNode('worker-1', 'ip', 'route', 'show', 'proto', '84'),
      onNode('worker-1', 'nft', 'list', 'ruleset'),
      onNode('worker-1', 'ip', 'address', 'show', 'dev', 'lo'),
    ]);
    return (
      routes.includes(' via ') &&
      rules.includes('forward-ingress') &&
      rules.includes('masquerade') &&
      links.includes('10.96.0.10/32')
    );
  });
  expect(await probeAll()).toEqual(table(isAllowed));
  await waitFor('an event', async () => {
    const { items } = await cluster.json<{ items: Event[] }>('get events -n default');
    return items.some(
      ({ reason, involvedObject }) => reason === 'NetworkRepaired' && involvedObject.name === 'worker-1',
    );
  });
});
