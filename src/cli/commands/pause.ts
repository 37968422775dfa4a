/** `trimast pause MEMBER` and `resume`: SIGSTOP and SIGCONT. A paused process keeps its connections and answers nothing. */
import { CliError } from '../cli-error.ts';
import { type DirOption, openCluster, requireRights } from '../cluster/open-cluster.ts';
import { signalProcess } from '../host/processes.ts';
import { runningProcess } from '../members/pid-file.ts';
import { resolveMembers } from '../members/resolve-members.ts';

export async function pause(name: string, options: DirOption): Promise<void> {
  await signalMembers(name, options, 'SIGSTOP', 'paused');
}

export async function resume(name: string, options: DirOption): Promise<void> {
  await signalMembers(name, options, 'SIGCONT', 'resumed');
}

async function signalMembers(name: string, options: DirOption, signal: NodeJS.Signals, word: string): Promise<void> {
  const { cluster, paths } = openCluster(options);
  requireRights(cluster);
  for (const member of await resolveMembers(cluster, paths, name)) {
    const running = runningProcess(paths.runDir, member.name);
    if (!running || !signalProcess(running, signal)) throw new CliError(`${member.name} is not running`);
    process.stdout.write(`${member.name} ${word} (process ${running.pid})\n`);
  }
}
