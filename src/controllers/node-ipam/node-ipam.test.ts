import { afterEach, expect, it } from 'vitest';
import type { Event, Node } from '../../api/generated/types/core-v1.ts';
import { resources } from '../../api/types.ts';
import { type Harness, harness } from '../testing/harness.ts';
import { nodeOf } from '../testing/objects.ts';
import { NodeIpamController } from './controller.ts';
import { nextRange, parseCidr } from './plan.ts';

let h: Harness | undefined;
afterEach(() => h?.stop());

it.each([
  ['10.244.0.0/16', 24, [], '10.244.0.0/24'],
  ['10.244.0.0/16', 24, ['10.244.0.0/24', '10.244.2.0/24'], '10.244.1.0/24'],
  ['10.0.0.0/8', 24, ['10.0.0.0/16'], '10.1.0.0/24'],
  ['200.0.0.0/8', 26, ['200.0.0.64/26', '200.0.0.0/28'], '200.0.0.128/26'],
  ['10.244.0.0/24', 24, ['10.244.0.0/24'], undefined],
  ['10.244.0.0/16', 24, ['192.168.0.0/24'], '10.244.0.0/24'],
  ['10.244.0.0/16', 24, ['fd00::/64'], '10.244.0.0/24'],
  ['fd00:7::/48', 64, ['fd00:7::/64', '10.244.0.0/24', 'fd00:7:0:2::/64'], 'fd00:7:0:1::/64'],
  ['fd00::/63', 64, ['fd00::/62'], undefined],
  ['10.244.0.0/24', 16, [], undefined],
])('takes the lowest free range of %s by /%s', (podCidr, mask, taken, expected) => {
  expect(nextRange(podCidr, mask, taken)).toBe(expected);
});

it('refuses what is no range', () => {
  for (const cidr of ['10.0.0.0', '10.0.0.256/8', 'fd00::/129', '1.2.3.4/33'])
    expect(() => parseCidr(cidr)).toThrow(cidr);
});

it('gives nodes that appear together different ranges, and tells when there are none left until one goes', async () => {
  h = harness();
  const { client, context } = h;
  void new NodeIpamController(context, { podCidr: '10.244.0.0/22', nodeCidrMaskSize: 24 }).run();
  client.holdWatches(resources.nodes);
  await Promise.all(['a', 'b', 'c', 'd', 'e'].map((name) => client.create(resources.nodes, nodeOf(name))));
  client.releaseWatches();
  const ranges = () => client.all<Node>(resources.nodes).map((node) => node.spec?.podCIDR);
  await client.until(() => client.all<Event>(resources.events).some(({ reason }) => reason === 'CIDRNotAvailable'));
  expect(ranges()).toEqual(['10.244.0.0/24', '10.244.1.0/24', '10.244.2.0/24', '10.244.3.0/24', undefined]);
  await client.delete(resources.nodes, { name: 'b' });
  await client.until(() => ranges().includes('10.244.1.0/24'));
  expect(new Set(ranges()).size).toBe(4);
});

it('gives a node of a dual-stack cluster one range of each family', async () => {
  h = harness();
  const { client, context } = h;
  void new NodeIpamController(context, { podCidr: '10.244.0.0/16,fd00:7::/48', nodeCidrMaskSize: 24 }).run();
  await Promise.all(['a', 'b'].map((name) => client.create(resources.nodes, nodeOf(name))));
  const ranges = () => client.all<Node>(resources.nodes).map((node) => node.spec?.podCIDRs);
  await client.until(() => ranges().every((its) => its?.length === 2));
  expect(ranges().flat().sort()).toEqual(['10.244.0.0/24', '10.244.1.0/24', 'fd00:7:0:1::/64', 'fd00:7::/64']);
});
