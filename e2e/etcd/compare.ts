/**
 * Asks etcd and Trimast the same with the same etcdctl, and compares output and exit codes.
 *
 *   node e2e/etcd/compare.ts --etcdctl PATH [--dir CLUSTER] [--only WORD] [--verbose]
 *
 * etcd and etcdutl are taken from the folder of etcdctl. `--dir`: the folder of a running cluster (else one is made and removed).
 */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { Cluster } from '../support/cluster.ts';
import { Side } from './side.ts';
import { startEtcd } from './start-etcd.ts';
import { type Step, steps } from './steps.ts';

export interface Difference {
  readonly step: Step;
  readonly expected: string;
  readonly found: string;
}

export interface Comparison {
  readonly compared: number;
  readonly differences: readonly Difference[];
}

/** `access`: environment of etcdctl for the cluster that is compared with etcd. */
export async function compare(
  etcdctl: string,
  access: Readonly<Record<string, string>>,
  options: { readonly only?: string | undefined; readonly onStep?: (step: Step, same: boolean) => void } = {},
): Promise<Comparison> {
  const etcd = await startEtcd(join(dirname(etcdctl), 'etcd'));
  try {
    const reference = new Side('etcd', etcdctl, { ETCDCTL_ENDPOINTS: etcd.endpoints });
    const subject = new Side('trimast', etcdctl, access);
    const both = (step: Step) => Promise.all([reference.run(step), subject.run(step)]);
    // Until both have a leader.
    await both({ name: 'start', args: 'put cmp/up 1 --command-timeout=30s', setup: true });
    const differences: Difference[] = [];
    let compared = 0;
    for (const step of steps) {
      const wanted = options.only === undefined || step.setup || step.capture || step.name.includes(options.only);
      if (!wanted) continue;
      const [expected, found] = (await both(step)).map(({ code, output }) => `exit code ${code}\n${output}`);
      if (step.setup) continue;
      compared++;
      const same = expected === found;
      if (!same) differences.push({ step, expected: expected!, found: found! });
      options.onStep?.(step, same);
    }
    return { compared, differences };
  } finally {
    await etcd.stop();
  }
}

/** What `trimast status` says about the etcd interface, as etcdctl's environment. */
export async function accessOf(cluster: Cluster): Promise<Record<string, string>> {
  const { etcd } = JSON.parse(await cluster.must('status', '-o', 'json'));
  return {
    ETCDCTL_ENDPOINTS: etcd.endpoints.join(','),
    ETCDCTL_CACERT: etcd.caFile,
    ETCDCTL_CERT: etcd.certFile,
    ETCDCTL_KEY: etcd.keyFile,
  };
}

/** `etcdctl` in the folder that TRIMAST_ETCD_BIN names, or on PATH, if etcd and etcdutl are beside it. */
export function findEtcdctl(): string | undefined {
  const folders = [process.env.TRIMAST_ETCD_BIN ?? '', ...(process.env.PATH ?? '').split(':')].filter(Boolean);
  const folder = folders.find((one) => ['etcd', 'etcdctl', 'etcdutl'].every((name) => existsSync(join(one, name))));
  return folder === undefined ? undefined : join(folder, 'etcdctl');
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      etcdctl: { type: 'string' },
      dir: { type: 'string' },
      only: { type: 'string' },
      verbose: { type: 'boolean' },
    },
  });
  const etcdctl = values.etcdctl ?? findEtcdctl();
  if (etcdctl === undefined) {
    console.error(
      'no etcdctl: name one with --etcdctl PATH (etcd and etcdutl beside it), or its folder in TRIMAST_ETCD_BIN',
    );
    process.exit(2);
  }
  const cluster = new Cluster(values.dir);
  if (values.dir === undefined) await cluster.up('--workers', '0');
  const { compared, differences } = await compare(etcdctl, await accessOf(cluster), {
    only: values.only,
    onStep: (step, same) => console.log(`${same ? 'same     ' : 'DIFFERENT'}  ${step.name}`),
  });
  for (const { step, expected, found } of differences)
    console.log(
      `\n=== ${step.name}: ${step.program ?? 'etcdctl'} ${step.args}\n--- etcd\n${expected}\n--- trimast\n${found}`,
    );
  console.log(`\n${compared - differences.length} of ${compared} the same`);
  if (values.dir === undefined) await cluster.destroy();
  process.exit(differences.length === 0 ? 0 : 1);
}
