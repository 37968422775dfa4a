/** Masters as containers: killed, paused, restarted and taken off their network while clients work; then everything that clients saw must fit together. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { kubeAccess, renderText, runChaos } from '../../src/chaos/index.ts';
import { waitFor } from '../support/cluster.ts';
import { ContainerCluster } from './support/container-cluster.ts';
import { type DockerEngine, engineUnavailable, startEngine } from './support/docker-engine.ts';
import { buildMasterImage } from './support/master-image.ts';

const reason = await engineUnavailable();
if (reason !== undefined) console.log(`skipped: masters in containers: ${reason}`);

const image = `trimast-e2e:${process.pid}`;
const seed = Number(process.env.TRIMAST_CHAOS_SEED ?? 7);
const durationMs = Number(process.env.TRIMAST_CHAOS_SECONDS ?? 25) * 1_000;
/** The image has 200 MB: a busy machine takes its time. */
const setUpTimeoutMs = 600_000;
let engine: DockerEngine | undefined;
let cluster: ContainerCluster | undefined;

beforeAll(async () => {
  if (reason !== undefined) return;
  engine = await startEngine();
  await buildMasterImage(image);
  cluster = await ContainerCluster.start(image, 3);
}, setUpTimeoutMs);

afterAll(async () => {
  await cluster?.destroy();
  await engine?.stop();
});

test.skipIf(reason !== undefined)(
  'masters in containers: linearizable through kills, pauses and disconnected networks',
  async () => {
    const target = cluster!;
    await waitFor('a leader', async () =>
      (await Promise.all(target.masters.map((name) => target.state(name)))).some((state) => state?.role === 'leader'),
    );
    const access = kubeAccess({ access: target.access, namespace: 'chaos', ways: target.ways });
    const result = await runChaos(target, [access], {
      seed,
      durationMs,
      faults: ['kill', 'pause', 'partition', 'restart'],
      everyMs: 4_000,
      clients: 9,
      operationsPerSecond: 90,
    });
    await target.inspectAll();
    console.log(renderText(result));
    expect(result.ok, renderText(result)).toBe(true);
    expect(target.unexpectedEnds()).toEqual([]);
    expect(result.faults.length).toBeGreaterThanOrEqual(4);
  },
);
