/** `trimast scale deployment/NAME --replicas N`, through the `scale` subresource. */
import { type ApiOptions, withSession } from '../api/api-session.ts';
import { parseTarget } from '../api/target.ts';
import { CliError } from '../cli-error.ts';

export async function scale(
  typed: string,
  name: string | undefined,
  options: ApiOptions & { replicas: number },
): Promise<void> {
  const target = parseTarget(typed, name);
  if (target.name === undefined) throw new CliError('scale what? Give RESOURCE/NAME', { exitCode: 2 });
  const key = target.name;
  await withSession(options, async (session) => {
    const resource = await session.resource(target.resource);
    if (!resource.subresources.includes('scale')) throw new CliError(`${resource.resource} cannot be scaled`);
    const patch = { spec: { replicas: options.replicas } };
    const namespace = session.namespaceFor(resource);
    await session.client.patch(resource, { namespace, name: key }, 'merge', patch, 'scale');
    process.stdout.write(`${resource.singular || resource.resource}/${key} scaled\n`);
  });
}
