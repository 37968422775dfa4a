/**
 * What a user waits for: `./trimast bench start`. Time of `up` on an empty folder and on one with data, of a Deployment of ten replicas from apply to
 * all Running (real containers where root allows), and the resident memory of each process when idle.
 */
import { readFileSync } from 'node:fs';
import { Cluster, waitFor } from '../e2e/support/cluster.ts';

const settleMs = 20_000;
const deployment = `
apiVersion: apps/v1
kind: Deployment
metadata: { name: ten }
spec:
  replicas: 10
  selector: { matchLabels: { app: ten } }
  template:
    metadata: { labels: { app: ten } }
    spec:
      terminationGracePeriodSeconds: 0
      containers: [{ name: main, image: trimast.local/busybox, command: [sleep, infinity] }]
`;

const cluster = new Cluster();
const say = (what: string, ms: number) => console.log(`${what}: ${(ms / 1000).toFixed(2)} s`);
try {
  await cluster.up();
  say('up, empty folder, to all nodes Ready', cluster.upMs);
  const startedMs = performance.now();
  await cluster.kubectl('apply -f -', deployment);
  await waitFor('ten Running pods', async () => {
    const phases = await cluster.kubectl('get pods -l app=ten -o jsonpath={.items[*].status.phase}');
    return phases.split(' ').filter((phase) => phase === 'Running').length === 10;
  });
  say('apply to 10 Running', performance.now() - startedMs);
  await cluster.kubectl('delete deployment ten --wait');
  await new Promise((resolve) => setTimeout(resolve, settleMs));
  for (const member of (await cluster.status()).members) {
    if (member.pid === undefined) continue;
    const resident = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${member.pid}/status`, 'utf8'));
    console.log(`memory of ${member.name}: ${Math.round(Number(resident?.[1]) / 1024)} MiB`);
  }
  await cluster.must('down');
  await cluster.up();
  say('up, with data, to all nodes Ready', cluster.upMs);
} finally {
  await cluster.destroy();
}
