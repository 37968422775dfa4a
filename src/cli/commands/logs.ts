/** `trimast logs NAME`: a member's own log, or, when no member has that name, the log of a pod. */
import { createReadStream, existsSync, statSync, watch } from 'node:fs';
import { CliError } from '../cli-error.ts';
import { type DirOption, openCluster } from '../cluster/open-cluster.ts';
import { readable } from '../members/member-failure.ts';

export interface LogsOptions extends DirOption {
  readonly follow?: boolean | undefined;
  readonly tail?: number | undefined;
  readonly namespace?: string | undefined;
  readonly container?: string | undefined;
  readonly previous?: boolean | undefined;
  /** Lines as people read them instead of JSON. */
  readonly pretty?: boolean | undefined;
}

export async function logs(name: string, options: LogsOptions): Promise<void> {
  const { cluster, paths } = openCluster(options);
  if (!cluster.members.some((member) => member.name === name)) {
    const { podLogs } = await import('./pod-logs.ts');
    return podLogs(name, options);
  }
  const file = paths.logFile(name);
  if (!existsSync(file)) throw new CliError(`${name} has no log yet: it has never been started`);
  await printLog(file, options);
}

async function printLog(file: string, options: LogsOptions): Promise<void> {
  const { lastLines } = await import('../members/log-tail.ts');
  const show = (line: string) => process.stdout.write(`${options.pretty ? readable(line) : line}\n`);
  let offset = statSync(file).size;
  if (options.tail !== undefined) lastLines(file, options.tail).forEach(show);
  else offset = await printFrom(file, 0, show);
  if (!options.follow) return;
  // One reader at a time; a change that comes while it reads makes it read once more.
  let reading = false;
  let changed = false;
  const read = async (): Promise<void> => {
    changed = true;
    if (reading) return;
    reading = true;
    while (changed) {
      changed = false;
      if ((statSync(file, { throwIfNoEntry: false })?.size ?? 0) < offset) offset = 0;
      offset = await printFrom(file, offset, show);
    }
    reading = false;
  };
  await new Promise<void>((resolve, reject) => {
    const watcher = watch(file, () => read().catch(reject));
    watcher.once('error', reject);
    process.once('SIGINT', () => {
      watcher.close();
      resolve();
    });
  });
}

/** Whole lines from `offset` on; returns where the last one ended. */
async function printFrom(file: string, offset: number, show: (line: string) => void): Promise<number> {
  let rest = Buffer.alloc(0);
  let position = offset;
  for await (const chunk of createReadStream(file, { start: offset }) as AsyncIterable<Buffer>) {
    const data = Buffer.concat([rest, chunk]);
    const end = data.lastIndexOf(0x0a);
    if (end >= 0) {
      for (const line of data.toString('utf8', 0, end).split('\n')) show(line);
      position += end + 1;
    }
    rest = data.subarray(end + 1);
  }
  return position;
}
