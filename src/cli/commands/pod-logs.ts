/** `trimast logs POD`: the log of one container, through the API server. */
import { pipeline } from 'node:stream/promises';
import { resources } from '../../api/types.ts';
import { resourcePath } from '../../client/paths.ts';
import { withSession } from '../api/api-session.ts';
import type { LogsOptions } from './logs.ts';

export async function podLogs(name: string, options: LogsOptions): Promise<void> {
  await withSession(options, async (session) => {
    const query = new URLSearchParams();
    if (options.follow) query.set('follow', 'true');
    if (options.previous) query.set('previous', 'true');
    if (options.tail !== undefined) query.set('tailLines', String(options.tail));
    if (options.container) query.set('container', options.container);
    const path = resourcePath(resources.pods, session.namespace, name.replace(/^pods?\//, ''), 'log');
    const response = await session.client.transport.stream({ method: 'GET', path: `${path}?${query}` });
    await pipeline(response, process.stdout, { end: false });
  });
}
