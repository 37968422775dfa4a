/** `trimast delete RESOURCE NAME…` or `delete -f FILE`: asks the server to delete; finalizers and grace periods run after it returns. */
import { isReason } from '../../api/status.ts';
import { type DiscoveredResource, findKind } from '../../client/discovery.ts';
import { type ApiOptions, type ApiSession, withSession } from '../api/api-session.ts';
import { readManifests } from '../api/read-manifests.ts';
import { parseTarget } from '../api/target.ts';
import { CliError } from '../cli-error.ts';

export interface DeleteCommandOptions extends ApiOptions {
  readonly filename?: string[] | undefined;
  readonly gracePeriod?: number | undefined;
  readonly ignoreNotFound?: boolean | undefined;
}

interface Doomed {
  readonly resource: DiscoveredResource;
  readonly namespace: string | undefined;
  readonly name: string;
}

export async function deleteObjects(
  typed: string | undefined,
  names: readonly string[],
  options: DeleteCommandOptions,
): Promise<void> {
  await withSession(options, async (session) => {
    const all = options.filename ? await fromFiles(session, options.filename) : await fromNames(session, typed, names);
    for (const { resource, namespace, name } of all) {
      try {
        await session.client.delete(
          resource,
          { namespace, name },
          options.gracePeriod === undefined ? {} : { gracePeriodSeconds: options.gracePeriod },
        );
        process.stdout.write(`${resource.singular || resource.resource}/${name} deleted\n`);
      } catch (error) {
        if (!options.ignoreNotFound || !isReason(error, 'NotFound')) throw error;
      }
    }
  });
}

async function fromNames(session: ApiSession, typed = '', names: readonly string[]): Promise<Doomed[]> {
  const target = parseTarget(typed, undefined);
  const all = target.name === undefined ? names : [target.name, ...names];
  if (typed === '' || all.length === 0) {
    throw new CliError('delete what? Give a resource and names, or -f FILE', { exitCode: 2 });
  }
  const resource = await session.resource(target.resource);
  return all.map((name) => ({ resource, namespace: session.namespaceFor(resource), name }));
}

async function fromFiles(session: ApiSession, files: readonly string[]): Promise<Doomed[]> {
  const known = await session.resources();
  const doomed = readManifests(files).map(({ apiVersion, kind, metadata }) => {
    const resource = findKind(known, apiVersion, kind);
    if (!resource) throw new CliError(`the server has no kind ${kind} in ${apiVersion}`);
    const namespace = resource.namespaced ? (metadata.namespace ?? session.namespace) : undefined;
    return { resource, namespace, name: metadata.name };
  });
  return doomed.reverse();
}
