/** `trimast master --config F`: one control-plane replica, until SIGTERM. */
import { loadMasterConfig } from '../../server/load-config.ts';
import { runMaster } from '../../server/main.ts';

export async function master(options: { config: string }): Promise<void> {
  await runMaster(loadMasterConfig(options.config));
}
