/** `trimast kubectl …`: the kubectl on PATH with this cluster's kubeconfig; without one, our own few commands. */
import { spawn } from 'node:child_process';
import { CliError } from '../cli-error.ts';
import { findProgram } from '../cluster/detect-runtime.ts';
import { type DirOption, openCluster } from '../cluster/open-cluster.ts';

const howToGet =
  'There is no kubectl on PATH. Get one from https://kubernetes.io/docs/tasks/tools/, or (an old one) with "apt-get install kubernetes-client".';
/** Commands of ours that do the same without kubectl. */
const ownCommands = ['apply', 'get', 'delete', 'logs', 'scale'];

export async function kubectl(args: readonly string[], options: DirOption): Promise<void> {
  const { paths } = openCluster(options);
  const program = findProgram('kubectl');
  const first = args[0] ?? '';
  if (!program) {
    if (!ownCommands.includes(first)) {
      const offer = `Without it there are: ${ownCommands.map((command) => `trimast ${command}`).join(', ')}.`;
      throw new CliError(`${howToGet} ${offer}`);
    }
    process.stderr.write(`${howToGet} Using "trimast ${first}" instead.\n`);
    const { createProgram } = await import('../program.ts');
    await createProgram().parseAsync([first, '--dir', paths.dir, ...args.slice(1)], { from: 'user' });
    return;
  }
  const child = spawn(program, args, { stdio: 'inherit', env: { ...process.env, KUBECONFIG: paths.kubeconfig } });
  // Ctrl-C reaches kubectl by itself (same terminal); we end when it has.
  const ignore = () => undefined;
  process.on('SIGINT', ignore);
  const forward = () => child.kill('SIGTERM');
  process.on('SIGTERM', forward);
  try {
    process.exitCode = await new Promise<number>((resolve, reject) => {
      child.once('error', (cause) => reject(new CliError(`run ${program}: ${cause.message}`, { cause })));
      child.once('exit', (code, signal) => resolve(code ?? (signal === 'SIGINT' ? 130 : 143)));
    });
  } finally {
    process.off('SIGINT', ignore);
    process.off('SIGTERM', forward);
  }
}
