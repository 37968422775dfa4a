/** OpenAPI v3 documents, one per group-version, and their index; built on first use and kept. */
import { createHash } from 'node:crypto';
import { type GroupVersion, groupVersionPath, groupVersions, type ServedResource } from '../discovery/groups.ts';
import type { SchemaSet } from '../schema/schema.ts';
import type { GroupVersionKind } from '../types.ts';
import { components } from './components.ts';
import { resourcePaths } from './paths.ts';

export interface OpenApiDocument {
  readonly bytes: Buffer;
  /** Upper-case hex of SHA-512 of `bytes`; also the ETag. */
  readonly hash: string;
}

export interface OpenApi {
  /** The answer at `/openapi/v3`. */
  index(): { readonly paths: Readonly<Record<string, object>> };
  /** `path` as in the index: `api/v1`, `apis/apps/v1`; undefined when not served. */
  document(path: string): OpenApiDocument | undefined;
}

/** `version`: the Kubernetes version that this server speaks, such as `v1.35.0`. */
export function createOpenApi(schemas: SchemaSet, resources: readonly ServedResource[], version: string): OpenApi {
  const byPath = new Map(groupVersions(resources).map((item) => [groupVersionPath(item).slice(1), item]));
  const schemaOf = kindIndex(schemas);
  const built = new Map<string, OpenApiDocument>();
  const document = (path: string): OpenApiDocument | undefined => {
    const known = built.get(path);
    if (known) return known;
    const groupVersion = byPath.get(path);
    if (!groupVersion) return undefined;
    const bytes = Buffer.from(JSON.stringify(openApiDocument(schemas, groupVersion, version, schemaOf)));
    const made = { bytes, hash: createHash('sha512').update(bytes).digest('hex').toUpperCase() };
    built.set(path, made);
    return made;
  };
  return {
    document,
    index: () => openApiIndex(new Map([...byPath.keys()].map((path) => [path, document(path)!.hash]))),
  };
}

/** `hashes`: path (`apis/apps/v1`) → hash of its document; clients cache by it. */
export function openApiIndex(hashes: ReadonlyMap<string, string>): {
  readonly paths: Readonly<Record<string, object>>;
} {
  const paths = [...hashes].map(([path, hash]) => [path, { serverRelativeURL: `/openapi/v3/${path}?hash=${hash}` }]);
  return { paths: Object.fromEntries(paths) };
}

function openApiDocument(
  schemas: SchemaSet,
  groupVersion: GroupVersion,
  version: string,
  schemaOf: (kind: GroupVersionKind) => string | undefined,
): object {
  const parts = groupVersion.resources.map((resource) => resourcePaths(resource, schemaOf));
  const roots = new Set(parts.flatMap((part) => part.schemas));
  return {
    openapi: '3.0.0',
    info: { title: 'Kubernetes', version },
    paths: Object.assign({}, ...parts.map((part) => part.paths)),
    components: { schemas: components(schemas, roots) },
  };
}

function kindIndex(schemas: SchemaSet): (kind: GroupVersionKind) => string | undefined {
  const byKind = new Map<string, string>();
  for (const [name, schema] of schemas.definitions) {
    for (const kind of schema['x-kubernetes-group-version-kind'] ?? []) {
      byKind.set(`${kind.group}/${kind.version}/${kind.kind}`, name);
    }
  }
  return (kind) => byKind.get(`${kind.group}/${kind.version}/${kind.kind}`);
}
