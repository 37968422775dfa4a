/** Started by slow-disk.test.ts with a shim that makes syncs hang for the folder named in $HANG_FILE. Prints what it saw, as JSON. */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TestCluster } from '../test-cluster.ts';

const flag = process.env.HANG_FILE!;
const cluster = await TestCluster.create(3, { electionTimeoutMs: [1_500, 2_000] });
await cluster.startAll();
const leaderId = await cluster.leader();
const leader = cluster.members.get(leaderId)!;
await leader.node.propose(Buffer.from('before'));
const follower = cluster.follower(leaderId);
const { term } = follower.node.leadership();
const moved = new Promise<void>((resolve) =>
  follower.node.onLeadership((now) => now.leaderId !== undefined && now.leaderId !== leaderId && resolve()),
);

writeFileSync(flag, join(cluster.dir, `m${leaderId}`));
// The followers are a majority: what a follower proposes is committed although the leader's own disk stands still.
let committedByHungLeader = 0;
for (let count = 0; count < 10; count++) {
  await follower.node.propose(Buffer.from(`while hung ${count}`));
  if (follower.node.leadership().term === term) committedByHungLeader++;
}
await moved;
rmSync(flag);
await follower.node.propose(Buffer.from('after'));
await leader.machine.until((items) => items.includes('after'));
const { fatal } = cluster;
await cluster.close();
console.log(
  JSON.stringify({
    committedByHungLeader,
    handedOver: true,
    caughtUp: leader.machine.items.length === follower.machine.items.length,
    fatal: fatal.map(({ message }) => message),
  }),
);
