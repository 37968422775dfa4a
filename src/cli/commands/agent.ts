/** `trimast agent --config F`: the agent of a node, until SIGTERM. Pods go on without it. */
import { createLogger, flushLog } from '../../lib/logger.ts';
import { startAgent } from '../../node-agent/agent.ts';
import type { AgentConfig } from '../../node-agent/config.ts';
import { keepCompiledCode } from '../compile-cache.ts';
import { readConfigFile } from '../config-file.ts';
import { watchConfig } from '../watch-config.ts';

export async function agent(options: { config: string }): Promise<void> {
  const tls = ['tls.caFile', 'tls.certFile', 'tls.keyFile'];
  const read = () =>
    readConfigFile<AgentConfig>(options.config, {
      required: ['nodeName', 'dataDir', 'masters', 'address', 'port', 'runtime.kind', 'clusterDomain', ...tls],
      paths: [
        ...['dataDir', ...tls, 'runtime.socket', 'runtime.cniConfDir'],
        ...['runtime.podLogsDir', 'runtime.certDir'],
      ],
    });
  const config = read();
  keepCompiledCode();
  const logger = createLogger('agent');
  const running = await startAgent(config, logger);
  let restarts = false;
  let unwatch = () => {};
  await new Promise<void>((resolve) => {
    process.once('SIGTERM', resolve);
    process.once('SIGINT', resolve);
    // Its pods go on without it and are taken over: to begin again is all that other masters ask of it.
    unwatch = watchConfig(options.config, read, ({ masters }) => {
      if (JSON.stringify(masters) === JSON.stringify(config.masters) || !process.execve) return;
      logger.info({ masters }, 'other masters from now on: starting again');
      restarts = true;
      resolve();
    });
  });
  unwatch();
  logger.info('stopping; pods go on');
  await running.stop();
  if (restarts) {
    const args = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
    flushLog();
    process.execve!(process.execPath, args, process.env as Record<string, string>);
  }
}
