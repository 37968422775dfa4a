/** `trimast lb --config F`: the load balancer in front of the masters, until SIGTERM or SIGINT. */
import type { LoadBalancerConfig } from '../../lb/config.ts';
import { startLoadBalancer } from '../../lb/load-balancer.ts';
import { createLogger } from '../../lib/logger.ts';
import { keepCompiledCode } from '../compile-cache.ts';
import { readConfigFile } from '../config-file.ts';
import { watchConfig } from '../watch-config.ts';

export async function lb(options: { config: string }): Promise<void> {
  const tls = ['tls.caFile', 'tls.certFile', 'tls.keyFile'];
  const read = () =>
    readConfigFile<LoadBalancerConfig>(options.config, { required: ['listen', 'backends', ...tls], paths: tls });
  const config = read();
  keepCompiledCode();
  const logger = createLogger('lb');
  const balancer = await startLoadBalancer(config, logger);
  const unwatch = watchConfig(options.config, read, ({ backends }) => {
    try {
      balancer.setBackends(backends);
      logger.info({ backends }, 'other backends from now on');
    } catch (error) {
      logger.warn({ error: String(error) }, 'the new configuration is not used');
    }
  });
  await new Promise<void>((resolve) => {
    process.once('SIGTERM', resolve);
    process.once('SIGINT', resolve);
  });
  unwatch();
  logger.info('stopping');
  await balancer.close();
}
