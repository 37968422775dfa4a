/** The FlowSchemas and PriorityLevelConfigurations that every cluster starts with, and how they are kept. */
import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { isReason } from '../../api/status.ts';
import type { TypedObject } from '../../api/types.ts';
import type { ApiClient } from '../../client/types.ts';
import type { FlowSchema, PriorityLevelConfiguration } from './types.ts';

const group = 'flowcontrol.apiserver.k8s.io';
export const flowSchemas = { group, version: 'v1', resource: 'flowschemas' } as const;
export const priorityLevels = { group, version: 'v1', resource: 'prioritylevelconfigurations' } as const;

const autoUpdate = 'apf.kubernetes.io/autoupdate-spec';

type DefaultObject = (FlowSchema | PriorityLevelConfiguration) & {
  readonly kind: 'FlowSchema' | 'PriorityLevelConfiguration';
  readonly metadata: { readonly name: string };
};

let objects: readonly DefaultObject[] | undefined;

export function defaultConfig(): readonly DefaultObject[] {
  objects ??= (
    JSON.parse(readFileSync(new URL('./default-config.json', import.meta.url), 'utf8')) as {
      kind: DefaultObject['kind'];
      name: string;
      spec: object;
    }[]
  ).map(
    ({ kind, name, spec }) =>
      ({
        apiVersion: `${group}/v1`,
        kind,
        metadata: { name, annotations: { [autoUpdate]: 'true' } },
        spec,
      }) as DefaultObject,
  );
  return objects;
}

/** Makes what is missing, and puts right what nobody has taken over. @throws ApiError */
export async function ensureDefaultConfig(client: ApiClient): Promise<void> {
  // Levels first: a schema names one.
  for (const kind of ['PriorityLevelConfiguration', 'FlowSchema'] as const) {
    const resource = kind === 'FlowSchema' ? flowSchemas : priorityLevels;
    const wanted = defaultConfig().filter((object) => object.kind === kind);
    await Promise.all(wanted.map((object) => ensure(client, resource, object)));
  }
}

async function ensure(
  client: ApiClient,
  resource: typeof flowSchemas | typeof priorityLevels,
  object: DefaultObject,
): Promise<void> {
  const { name } = object.metadata;
  try {
    const found = await client.get<DefaultObject & TypedObject>(resource, { name });
    if (found.metadata?.annotations?.[autoUpdate] !== 'true' || isDeepStrictEqual(found.spec, object.spec)) return;
    await client.update(resource, { ...found, spec: object.spec } as DefaultObject);
  } catch (error) {
    if (isReason(error, 'Conflict') || isReason(error, 'AlreadyExists')) return;
    if (!isReason(error, 'NotFound')) throw error;
    await client.create(resource, object as TypedObject);
  }
}
