/** `trimast master --config F`: one control-plane replica, until SIGTERM. */
import { disableProblem } from '../../server/disable.ts';
import { loadMasterConfig } from '../../server/load-config.ts';
import { runMaster } from '../../server/main.ts';
import { CliError } from '../cli-error.ts';
import { keepCompiledCode } from '../compile-cache.ts';

/** `disable`: as in the configuration, in addition to what it says. */
export async function master(options: { config: string; disable?: readonly string[] }): Promise<void> {
  keepCompiledCode();
  const config = loadMasterConfig(options.config);
  const problem = disableProblem(options.disable ?? []);
  if (problem !== undefined) throw new CliError(`--disable ${problem}`, { exitCode: 2 });
  await runMaster({ ...config, disable: [...(config.disable ?? []), ...(options.disable ?? [])] });
}
