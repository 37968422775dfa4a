import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Pod, PodSpec } from '../api/generated/types/core-v1.ts';
import { AssignmentIndex } from './assignment-index.ts';
import { type Item, itemOf } from './items.ts';
import { referencesOf } from './pod-references.ts';

const containers = [{ name: 'c' }];
const pod = (name: string, nodeName: string | undefined, spec: Partial<PodSpec>): Pod => ({
  metadata: { namespace: 'ns', name },
  spec: { containers, ...(nodeName && { nodeName }), ...spec },
});

it('a pod refers to what its volumes, environment and image pull secrets name, each once', () => {
  const secret = (name: string) => ({ secretKeyRef: { name, key: 'k' } });
  const references = referencesOf(
    pod('p', 'n', {
      imagePullSecrets: [{ name: 'pull' }],
      volumes: [
        { name: 'a', secret: { secretName: 'volume' } },
        { name: 'b', configMap: { name: 'volume' } },
        {
          name: 'c',
          projected: { sources: [{ secret: { name: 'projected' } }, { configMap: { name: 'projected' } }] },
        },
        { name: 'd', csi: { driver: 'd', nodePublishSecretRef: { name: 'csi' } } },
        { name: 'e', emptyDir: {} },
      ],
      initContainers: [{ name: 'i', envFrom: [{ secretRef: { name: 'from' } }, { configMapRef: { name: 'from' } }] }],
      containers: [
        {
          name: 'c',
          env: [
            { name: 'A', valueFrom: secret('env') },
            { name: 'B', value: 'plain' },
          ],
        },
        { name: 'd', env: [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'env', key: 'k' } } }] },
      ],
      ephemeralContainers: [{ name: 'e', env: [{ name: 'A', valueFrom: secret('env') }] }],
    }),
  );
  expect(references.toSorted()).toEqual([
    'configmaps/ns/env',
    'configmaps/ns/from',
    'configmaps/ns/projected',
    'configmaps/ns/volume',
    'secrets/ns/csi',
    'secrets/ns/env',
    'secrets/ns/from',
    'secrets/ns/projected',
    'secrets/ns/pull',
    'secrets/ns/volume',
  ]);
});

it('a node that follows what it is told of has what its pods need, and nothing else', async () => {
  const step = fc.record({
    name: fc.constantFrom('p1', 'p2', 'p3'),
    node: fc.constantFrom('n1', 'n2', undefined),
    secrets: fc.subarray(['s1', 's2', 's3']),
    gone: fc.boolean(),
  });
  await fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const index = new AssignmentIndex();
      const pods = new Map<Item, Pod>();
      const views = new Map<string, Set<Item>>([
        ['n1', new Set()],
        ['n2', new Set()],
      ]);
      for (const { name, node, secrets, gone } of steps) {
        const changed = pod(name, node, { imagePullSecrets: secrets.map((secret) => ({ name: secret })) });
        const item = itemOf('pods', changed);
        const touched = new Set<[string, Item]>();
        if (gone) {
          pods.delete(item);
          index.removePod(item, (where, what) => touched.add([where, what]));
        } else {
          pods.set(item, changed);
          index.setPod(changed, (where, what) => touched.add([where, what]));
        }
        for (const [where, what] of touched) {
          if (index.wants(where, what)) views.get(where)!.add(what);
          else views.get(where)!.delete(what);
        }
      }
      for (const [node, view] of views) {
        const wanted = new Set<Item>();
        for (const [item, one] of pods) {
          if (one.spec!.nodeName === node) for (const needed of [item, ...referencesOf(one)]) wanted.add(needed);
        }
        expect([...view].toSorted()).toEqual([...wanted].toSorted());
        expect(index.itemsOf(node).toSorted()).toEqual([...wanted].toSorted());
        for (const reference of wanted) {
          if (reference.startsWith('pods/')) continue;
          const told: string[] = [];
          index.referenceChanged(reference, (where) => told.push(where));
          expect(told).toContain(node);
        }
      }
    }),
  );
});
