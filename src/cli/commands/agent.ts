/** `trimast agent --config F`: the agent of a node, until SIGTERM. Pods go on without it. */
import { createLogger } from '../../lib/logger.ts';
import { startAgent } from '../../node-agent/agent.ts';
import type { AgentConfig } from '../../node-agent/config.ts';
import { keepCompiledCode } from '../compile-cache.ts';
import { readConfigFile } from '../config-file.ts';

export async function agent(options: { config: string }): Promise<void> {
  const tls = ['tls.caFile', 'tls.certFile', 'tls.keyFile'];
  const config = readConfigFile<AgentConfig>(options.config, {
    required: ['nodeName', 'dataDir', 'masters', 'address', 'port', 'runtime.kind', 'clusterDomain', ...tls],
    paths: [
      ...['dataDir', ...tls, 'runtime.socket', 'runtime.cniConfDir'],
      ...['runtime.podLogsDir', 'runtime.certDir'],
    ],
  });
  keepCompiledCode();
  const logger = createLogger('agent');
  const running = await startAgent(config, logger);
  await new Promise<void>((resolve) => {
    process.once('SIGTERM', resolve);
    process.once('SIGINT', resolve);
  });
  logger.info('stopping; pods go on');
  await running.stop();
}
