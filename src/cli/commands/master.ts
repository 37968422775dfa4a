/** `trimast master --config F`: one control-plane replica, until SIGTERM. */
import { loadMasterConfig } from '../../server/load-config.ts';
import { runMaster } from '../../server/main.ts';
import { keepCompiledCode } from '../compile-cache.ts';

export async function master(options: { config: string }): Promise<void> {
  keepCompiledCode();
  await runMaster(loadMasterConfig(options.config));
}
