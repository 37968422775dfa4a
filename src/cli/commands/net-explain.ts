/** `trimast net explain TARGET [--from POD]`: where a packet goes, and why it is dropped. */
import { explain, UnknownTargetError } from '../../network/explain/explain.ts';
import { type ApiOptions, withSession } from '../api/api-session.ts';
import { CliError } from '../cli-error.ts';
import { readView } from '../net/read-view.ts';

export interface ExplainOptions extends ApiOptions {
  readonly from?: string | undefined;
  readonly protocol?: string | undefined;
}

const protocols = ['tcp', 'udp', 'sctp'];

/** @throws CliError exit code 1 when the packet does not arrive */
export async function netExplain(to: string, options: ExplainOptions): Promise<void> {
  const protocol = (options.protocol ?? 'tcp').toLowerCase();
  if (!protocols.includes(protocol))
    throw new CliError(`--protocol ${options.protocol}: expected one of ${protocols.join(', ')}`, { exitCode: 2 });
  await withSession(options, async ({ client, namespace }) => {
    const view = await readView(client);
    try {
      const { lines, reaches } = explain(view, { to, from: options.from, namespace, protocol });
      process.stdout.write(`${[...lines, reaches ? 'It arrives.' : 'It does not arrive.'].join('\n')}\n`);
      if (!reaches) process.exitCode = 1;
    } catch (error) {
      if (error instanceof UnknownTargetError) throw new CliError(error.message, { exitCode: 2 });
      throw error;
    }
  });
}
