/** Stock etcdctl against etcd and against Trimast: same output, same exit codes. Needs etcd's binaries; without them it says so. */
import { afterAll, expect, test } from 'vitest';
import { accessOf, compare, findEtcdctl } from './etcd/compare.ts';
import { Cluster } from './support/cluster.ts';

const etcdctl = findEtcdctl();
const cluster = new Cluster();

afterAll(() => cluster.destroy());

test.skipIf(etcdctl === undefined)(
  `etcdctl finds no difference${etcdctl === undefined ? ' (skipped: no etcd, etcdctl and etcdutl in TRIMAST_ETCD_BIN or on PATH)' : ''}`,
  async () => {
    await cluster.up('--workers', '0');
    const { differences, compared } = await compare(etcdctl!, await accessOf(cluster));
    expect(compared).toBeGreaterThan(80);
    expect(differences).toEqual([]);
  },
  900_000,
);
