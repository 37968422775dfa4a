/** `trimast kill MEMBER`: SIGKILL, as a crash. */
import type { DirOption } from '../cluster/open-cluster.ts';
import { end } from './stop.ts';

export async function kill(name: string, options: DirOption): Promise<void> {
  await end(name, options, 'SIGKILL');
}
