/** `trimast stop MEMBER`: SIGTERM, and waits until it has ended. */
import { withLock } from '../cluster/lock.ts';
import { type DirOption, openCluster, requireRights } from '../cluster/open-cluster.ts';
import { resolveMembers } from '../members/resolve-members.ts';
import { stopMember } from '../members/stop-member.ts';

export async function stop(name: string, options: DirOption): Promise<void> {
  await end(name, options, 'SIGTERM');
}

/** Also `trimast kill`, with another signal. */
export async function end(name: string, options: DirOption, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  const { cluster, paths } = openCluster(options);
  requireRights(cluster);
  await withLock(paths.lockFile, async () => {
    const members = await resolveMembers(cluster, paths, name);
    const word = signal === 'SIGKILL' ? 'killed' : 'stopped';
    await Promise.all(
      members.map(async (member) => {
        const pid = await stopMember(member, paths, signal);
        const text = pid === undefined ? 'was not running' : `${word} (process ${pid})`;
        process.stdout.write(`${member.name} ${text}\n`);
      }),
    );
  });
}
