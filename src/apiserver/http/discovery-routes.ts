/** What this server offers: `/api`, `/apis` and below (plain and aggregated), `/openapi/v3`, `/version`. */
import { withCustomSchemas } from '../../api/custom-resources/schema-set.ts';
import { type AggregatedVersion, aggregatedDiscovery, aggregatedMediaType } from '../../api/discovery/aggregated.ts';
import { groupVersionPath, type ServedResource } from '../../api/discovery/groups.ts';
import { apiGroup, apiGroupList, apiResourceList, apiVersions } from '../../api/discovery/plain.ts';
import { createOpenApi, type OpenApi } from '../../api/openapi/document.ts';
import { openApiV2Document } from '../../api/openapi/document-v2.ts';
import type { SchemaSet } from '../../api/schema/schema.ts';
import type { Aggregator } from '../aggregation/aggregator.ts';
import { mergeAggregated, mergeGroupDocument, mergeGroupList, mergeOpenApiIndex } from '../aggregation/merge.ts';
import { RemoteDocuments } from '../aggregation/remote-documents.ts';
import type { RemoteService } from '../aggregation/remote-services.ts';
import { metricsResources } from '../metrics-api/resources.ts';
import type { ResourceApi } from '../resource-api.ts';
import { virtualResources } from '../virtual/index.ts';
import { sendDocument } from './etag.ts';
import type { Exchange } from './exchange.ts';
import { parseAccept } from './negotiate.ts';
import { encodeOpenApiV2, openApiV2ContentType, openApiV2MediaType } from './openapi-v2.ts';

/** The Kubernetes version that this server speaks. */
export const kubernetesVersion = 'v1.35.4+trimast';

export const versionInfo = {
  major: '1',
  minor: '35',
  gitVersion: kubernetesVersion,
  gitCommit: '',
  gitTreeState: 'clean',
  buildDate: '1970-01-01T00:00:00Z',
  goVersion: '',
  compiler: `node ${process.version}`,
  platform: `${process.platform}/${process.arch === 'x64' ? 'amd64' : process.arch}`,
} as const;

/** A document by path; undefined when there is none. */
export type DocumentRoutes = (exchange: Exchange, path: string) => Promise<void> | undefined;

/** `serverAddress`: host and port as clients reach this server. */
export function createDiscoveryRoutes(
  api: ResourceApi,
  serverAddress: () => string,
  aggregator?: Aggregator,
): DocumentRoutes {
  const builtInOpenApi = createOpenApi(
    api.schemas,
    [...api.registry.definitions.filter(({ custom }) => !custom), ...virtualResources],
    kubernetesVersion,
  );
  let state: DiscoveryState | undefined;
  /** Made anew when what is served has changed. */
  const current = (): DiscoveryState => {
    const generation = api.registry.generation ?? 0;
    if (state?.generation !== generation) state = discoveryState(api, builtInOpenApi, generation);
    return state;
  };
  const json = (value: object) => Buffer.from(JSON.stringify(value));
  const documents = aggregator && new RemoteDocuments(aggregator, api.clock);
  const remotes = () => aggregator?.services.list() ?? [];

  async function sendAggregated(exchange: Exchange, version: AggregatedVersion, core: boolean): Promise<void> {
    const document = aggregatedDiscovery(current().resources, version, core);
    const others = core ? [] : remotes();
    const found = new Map(
      await Promise.all(others.map(async (remote) => [remote, await documents!.version(remote)] as const)),
    );
    const merged = mergeAggregated(document, others, (remote) => found.get(remote)!);
    return sendDocument(exchange, aggregatedMediaType(version), json(merged));
  }

  async function sendOpenApiIndex(exchange: Exchange): Promise<void> {
    const indexes = new Map<RemoteService, object>();
    await Promise.all(
      remotes().map(async (remote) => {
        const index = await documents!.openApiIndex(remote);
        if (index) indexes.set(remote, index);
      }),
    );
    return sendDocument(exchange, 'application/json', json(mergeOpenApiIndex(current().openApi.index(), indexes)));
  }

  function discovery(exchange: Exchange, core: boolean): Promise<void> {
    for (const { type, parameters } of parseAccept(exchange.header('accept'))) {
      const { as, g, v } = parameters;
      const aggregated = as === 'APIGroupDiscoveryList' && g === 'apidiscovery.k8s.io';
      if (type !== 'application/json' && !(type === '*/*' && !as)) continue;
      if (as === undefined) break;
      if (aggregated && (v === 'v2' || v === 'v2beta1')) {
        return sendAggregated(exchange, v, core);
      }
    }
    return sendDocument(
      exchange,
      'application/json',
      json(core ? apiVersions(serverAddress()) : mergeGroupList(apiGroupList(current().resources), remotes())),
    );
  }

  return (exchange, path) => {
    const parts = path.split('/').filter((part) => part !== '');
    const send = (document: object | undefined) =>
      document && sendDocument(exchange, 'application/json', json(document));
    const [root, first, second] = parts;
    const { resources, documented, openApi, schemas, openApiV2 } = current();
    if (root === 'api') {
      if (parts.length === 1) return discovery(exchange, true);
      return parts.length === 2 ? send(apiResourceList(resources, '', first!)) : undefined;
    }
    if (root === 'apis') {
      if (parts.length === 1) return api.catchUp().then(() => discovery(exchange, false));
      if (parts.length === 2) return send(mergeGroupDocument(apiGroup(resources, first!), first!, remotes()));
      return parts.length === 3 ? send(apiResourceList(resources, first!, second!)) : undefined;
    }
    const issued = tokenDocuments(api, path);
    if (issued)
      return exchange.send(200, issued.type, json(issued.document), { 'cache-control': 'public, max-age=3600' });
    if (root === 'version' && parts.length === 1) return exchange.sendJson(200, versionInfo);
    if (root === 'openapi' && first === 'v3') {
      if (parts.length === 2) return api.catchUp().then(() => sendOpenApiIndex(exchange));
      const document = openApi.document(parts.slice(2).join('/'));
      const immutable = exchange.query.get('hash') === document?.hash;
      // The URL carries the hash: what it names never changes.
      const headers: Record<string, string> = immutable ? { expires: inOneYear(api.clock.nowMs()) } : {};
      return document && sendDocument(exchange, 'application/json', document.bytes, headers);
    }
    if (root === 'openapi' && first === 'v2') {
      if (!(exchange.header('accept') ?? '').includes(openApiV2MediaType)) {
        // Asked for seldom, and large: made anew rather than kept.
        return send(openApiV2Document(schemas(), documented, kubernetesVersion));
      }
      return sendDocument(exchange, openApiV2ContentType, openApiV2());
    }
    return undefined;
  };
}

/** Everything that follows from what is served at one time. */
interface DiscoveryState {
  readonly generation: number;
  readonly resources: readonly ServedResource[];
  /** Those whose objects have a schema. */
  readonly documented: readonly ServedResource[];
  readonly openApi: OpenApi;
  /** For OpenAPI v2. */
  readonly schemas: () => SchemaSet;
  readonly openApiV2: () => Buffer;
}

function discoveryState(api: ResourceApi, builtIn: OpenApi, generation: number): DiscoveryState {
  const documented: ServedResource[] = [...api.registry.definitions, ...virtualResources];
  const custom = api.registry.definitions.filter((definition) => definition.custom);
  const schemas = once(() => withCustomSchemas(api.schemas, custom, 2));
  const customOpenApi = once(() => createOpenApi(withCustomSchemas(api.schemas, custom, 3), custom, kubernetesVersion));
  return {
    generation,
    documented,
    resources: [...documented, ...metricsResources],
    schemas,
    openApi: custom.length === 0 ? builtIn : joinOpenApi(builtIn, customOpenApi),
    openApiV2: once(() =>
      encodeOpenApiV2(schemas(), documented.filter(isPatchable).map(patchablePath), kubernetesVersion),
    ),
  };
}

function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

function joinOpenApi(builtIn: OpenApi, custom: () => OpenApi): OpenApi {
  return {
    index: () => ({ paths: { ...builtIn.index().paths, ...custom().index().paths } }),
    document: (path) => builtIn.document(path) ?? custom().document(path),
  };
}

/** OpenID Connect discovery, for services that verify service-account tokens themselves. */
function tokenDocuments(api: ResourceApi, path: string): { type: string; document: object } | undefined {
  const tokens = api.authenticator.tokens;
  if (!tokens) return undefined;
  if (path === '/openid/v1/jwks') return { type: 'application/jwk-set+json', document: tokens.keySet };
  if (path !== '/.well-known/openid-configuration') return undefined;
  const document = {
    issuer: tokens.issuer,
    jwks_uri: `${tokens.issuer}/openid/v1/jwks`,
    response_types_supported: ['id_token'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: tokens.algorithms,
  };
  return { type: 'application/json', document };
}

function isPatchable(resource: ServedResource): boolean {
  return resource.verbs.includes('patch');
}

function patchablePath(resource: ServedResource) {
  const { group, version, kind } = resource;
  const scope = resource.namespaced ? '/namespaces/{namespace}' : '';
  const path = `${groupVersionPath(resource)}${scope}/${resource.resource}/{name}`;
  return { path, kind: { group, version, kind } };
}

function inOneYear(nowMs: number): string {
  return new Date(nowMs + 365 * 24 * 3600 * 1000).toUTCString();
}
