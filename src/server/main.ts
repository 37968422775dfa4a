/** `trimast master`: one replica of the control plane as a process, until SIGTERM. */
import { createLogger } from '../lib/logger.ts';
import type { MasterConfig } from './config.ts';
import { startMaster } from './master.ts';

/** A shutdown that takes longer than this is cut short: everything acknowledged is on disk already. */
const stopTimeoutMs = 5_000;

/** Resolves when the process has been told to stop and has stopped. */
export async function runMaster(config: MasterConfig): Promise<void> {
  const logger = createLogger(config.name);
  const die = (error: unknown) => {
    logger.fatal({ err: error }, 'unexpected error: this master ends, the others go on');
    process.exit(1);
  };
  process.on('uncaughtException', die);
  process.on('unhandledRejection', die);
  const master = await startMaster(config, logger);
  await new Promise<void>((resolve) => {
    process.once('SIGTERM', resolve);
    process.once('SIGINT', resolve);
  });
  logger.info('stopping');
  setTimeout(() => process.exit(0), stopTimeoutMs).unref();
  await master.stop();
  process.exit(0);
}
