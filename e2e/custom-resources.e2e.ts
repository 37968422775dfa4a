/** Custom resources as operators and their users meet them: stock kubectl, through the load balancer, on every master alike. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Cluster } from './support/cluster.ts';

const cluster = new Cluster();

beforeAll(async () => {
  await cluster.up('--masters', '3', '--workers', '0');
});

afterAll(async () => {
  await cluster.destroy();
});

const definition = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: crontabs.stable.example.com }
spec:
  group: stable.example.com
  scope: Namespaced
  names: { plural: crontabs, singular: crontab, kind: CronTab, shortNames: [ct], categories: [all] }
  versions:
  - name: v1
    served: true
    storage: true
    subresources:
      status: {}
      scale: { specReplicasPath: .spec.replicas, statusReplicasPath: .status.replicas }
    additionalPrinterColumns:
    - { name: Spec, type: string, jsonPath: .spec.cronSpec }
    - { name: Replicas, type: integer, jsonPath: .spec.replicas }
    schema:
      openAPIV3Schema:
        type: object
        description: A table of work to do.
        properties:
          spec:
            type: object
            required: [cronSpec]
            properties:
              cronSpec: { type: string, description: When to work., maxLength: 40 }
              replicas: { type: integer, minimum: 1, default: 1 }
            x-kubernetes-validations:
            - { rule: 'self.replicas < 5', message: not so many }
          status:
            type: object
            properties: { replicas: { type: integer } }
`;
const object = (name: string, spec: string, metadata = '') => `
apiVersion: stable.example.com/v1
kind: CronTab
metadata: { name: ${name}${metadata} }
spec: { ${spec} }
`;

test('a definition brings a kind with discovery, documentation, validation, columns and scale', async () => {
  await cluster.kubectl('apply -f -', definition);
  await cluster.kubectl('wait --for=condition=Established crd/crontabs.stable.example.com --timeout=30s');
  expect(await cluster.kubectl('explain crontab.spec')).toMatch(/cronSpec\s+<string> -required-\s+When to work\./);
  await cluster.kubectl('apply -f -', object('a', 'cronSpec: "* * *"'));
  expect(await cluster.kubectl('get ct a --no-headers')).toMatch(/^a\s+\* \* \*\s+1\s*$/);
  await cluster.kubectl('scale crontab a --replicas=3');
  expect(await cluster.kubectl('get crontab a -o jsonpath={.spec.replicas}/{.metadata.generation}')).toBe('3/2');
  await expect(cluster.kubectl('scale crontab a --replicas=7')).rejects.toThrow('not so many');
  await expect(cluster.kubectl('apply -f -', object('b', 'replicas: 2'))).rejects.toThrow('cronSpec');
  const unknown = cluster.kubectl('create -f -', object('b', 'cronSpec: x, extra: 1'));
  await expect(unknown).rejects.toThrow('unknown field "spec.extra"');
});

test('a quota counts them', async () => {
  await cluster.kubectl('create namespace counted');
  await cluster.kubectl('-n counted create quota one --hard=count/crontabs.stable.example.com=1');
  const used = () => cluster.kubectl('-n counted get quota one -o jsonpath={.status.used}');
  await expect.poll(used, { timeout: 20_000 }).toBe('{"count/crontabs.stable.example.com":"0"}');
  await cluster.kubectl('-n counted apply -f -', object('first', 'cronSpec: x'));
  const second = cluster.kubectl('-n counted apply -f -', object('second', 'cronSpec: x'));
  await expect(second).rejects.toThrow('exceeded quota: one');
  await cluster.kubectl('-n counted delete crontab first');
  await expect.poll(used, { timeout: 20_000 }).toBe('{"count/crontabs.stable.example.com":"0"}');
  await cluster.kubectl('delete namespace counted');
});

test('dependents go with their owners, objects with their namespace and with their definition', async () => {
  const uid = await cluster.kubectl('get crontab a -o jsonpath={.metadata.uid}');
  const owner = `, ownerReferences: [{ apiVersion: stable.example.com/v1, kind: CronTab, name: a, uid: ${uid} }]`;
  await cluster.kubectl('apply -f -', object('child', 'cronSpec: x', owner));
  await cluster.kubectl('delete crontab a');
  await cluster.kubectl('wait --for=delete crontab/child --timeout=60s');

  await cluster.kubectl('create namespace tables');
  await cluster.kubectl('-n tables apply -f -', object('inside', 'cronSpec: x'));
  await cluster.kubectl('delete namespace tables --timeout=60s');
  expect(await cluster.kubectl('get crontabs -A -o name')).toBe('');

  await cluster.kubectl('apply -f -', object('last', 'cronSpec: x'));
  await cluster.kubectl('delete crd crontabs.stable.example.com --timeout=60s');
  await expect(cluster.kubectl('get crontabs')).rejects.toThrow(
    /could not find the requested resource|doesn't have a resource type/,
  );
  await cluster.kubectl('apply -f -', definition);
  await cluster.kubectl('wait --for=condition=Established crd/crontabs.stable.example.com --timeout=30s');
  expect(await cluster.kubectl('get crontabs -A -o name')).toBe('');
});
