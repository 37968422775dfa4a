/** `trimast apply -f FILE`: creates what is missing and changes what differs. */
import { isReason } from '../../api/status.ts';
import type { TypedObject } from '../../api/types.ts';
import { findKind } from '../../client/discovery.ts';
import { type ApiOptions, type ApiSession, withSession } from '../api/api-session.ts';
import { applyPatch, lastAppliedAnnotation } from '../api/apply-patch.ts';
import { type Manifest, readManifests } from '../api/read-manifests.ts';
import { CliError } from '../cli-error.ts';

export async function apply(options: ApiOptions & { filename: string[] }): Promise<void> {
  const manifests = readManifests(options.filename);
  await withSession(options, async (session) => {
    // In the order of the files: a namespace comes before what is in it.
    for (const manifest of manifests) process.stdout.write(`${await applyOne(session, manifest, options.namespace)}\n`);
  });
}

async function applyOne(session: ApiSession, manifest: Manifest, namespaceOption: string | undefined): Promise<string> {
  const { apiVersion, kind, metadata } = manifest;
  const resource = findKind(await session.resources(), apiVersion, kind);
  if (!resource) throw new CliError(`the server has no kind ${kind} in ${apiVersion}`);
  const { name } = metadata;
  if (metadata.namespace && namespaceOption && metadata.namespace !== namespaceOption) {
    throw new CliError(
      `${kind} ${name}: its namespace is ${metadata.namespace}, but --namespace is ${namespaceOption}`,
    );
  }
  const namespace = resource.namespaced ? (metadata.namespace ?? session.namespace) : undefined;
  const bare = { ...manifest, metadata: { ...metadata, ...(namespace && { namespace }) } };
  const wanted = withAnnotation(bare, JSON.stringify(bare));
  const label = `${resource.singular || resource.resource}${resource.group && `.${resource.group}`}/${name}`;
  let live: TypedObject & { metadata?: { annotations?: Record<string, string> | undefined } };
  try {
    live = await session.client.get(resource, { namespace, name });
  } catch (error) {
    if (!isReason(error, 'NotFound')) throw error;
    await session.client.create(resource, wanted);
    return `${label} created`;
  }
  const recorded = live.metadata?.annotations?.[lastAppliedAnnotation];
  const last = recorded === undefined ? undefined : (JSON.parse(recorded) as Manifest);
  const patch = applyPatch(last, { ...wanted }, { ...live });
  if (!patch) return `${label} unchanged`;
  await session.client.patch(resource, { namespace, name }, 'merge', patch);
  return `${label} configured`;
}

function withAnnotation(manifest: Manifest, applied: string): Manifest {
  const metadata = manifest.metadata as Manifest['metadata'] & { annotations?: Record<string, string> };
  const annotations = { ...metadata.annotations, [lastAppliedAnnotation]: applied };
  return { ...manifest, metadata: { ...metadata, annotations } };
}
