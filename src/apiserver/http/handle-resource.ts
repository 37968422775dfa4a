/** Requests about resources: from request info to a verb of the ResourceApi, and its result to the wire. */
import { decodeDeleteOptions } from '../../api/codec/delete-options.ts';
import type { Pod } from '../../api/generated/types/core-v1.ts';
import { ApiError } from '../../api/status.ts';
import type { IncludeObject } from '../../api/table/table.ts';
import type { Body, WriteRequestOptions } from '../body.ts';
import { methodNotAllowed, resourceNotServed } from '../errors.ts';
import { watchEventCounter } from '../metrics/request-metrics.ts';
import type { MetricsSource } from '../metrics-api/metrics-source.ts';
import { metricsGroup } from '../metrics-api/resources.ts';
import { decodeShared, type ObjectRecord } from '../object-record.ts';
import type { ResourceProxy } from '../proxy/index.ts';
import type { ResourceApi } from '../resource-api.ts';
import type { StreamingProxy } from '../streaming-types.ts';
import type { NamedTarget, Target } from '../target.ts';
import type { RequestContext } from '../types.ts';
import type { ListedObjects } from '../verbs/list.ts';
import { createVirtual } from '../virtual/index.ts';
import { connectOptions } from './connect-options.ts';
import { EventEncoder, encodeList, encodeObject, servesProtobuf } from './encode.ts';
import type { Exchange } from './exchange.ts';
import { handleMetrics } from './handle-metrics.ts';
import { acceptsWhole, contentTypeOf, negotiate, notAcceptable } from './negotiate.ts';
import { deleteQuery, dryRunOf, fieldValidationOf, listOptions, watchOptions, writeQuery } from './query-options.ts';
import { readBody } from './read-body.ts';
import type { ResourceRequestInfo } from './request-info.ts';

export interface ResourceHandlerOptions {
  readonly api: ResourceApi;
  readonly streaming: StreamingProxy | undefined;
  readonly proxy: ResourceProxy | undefined;
  readonly metrics: MetricsSource | undefined;
  /** Aborts when this server shuts down: watches end, clients resume elsewhere. */
  readonly closing: AbortSignal;
}

/** Lists longer than this are compressed as they stream. */
const largeListItems = 200;

/** @throws ApiError before anything was written */
export async function handleResource(
  options: ResourceHandlerOptions,
  exchange: Exchange,
  info: ResourceRequestInfo,
): Promise<void> {
  const { resource, subresource, namespace, name, verb } = info;
  const target: Target = { resource, subresource, namespace, name };
  if (subresource === 'proxy' && name !== undefined) {
    return handleProxy(options, exchange, { ...target, name }, verb, info.rest);
  }
  if (info.rest !== '') throw resourceNotServed();
  if (resource.group === metricsGroup) return handleMetrics(options.api, options.metrics, exchange, target, verb);
  const virtual = createVirtual(options.api, exchange.context, target, verb);
  if (virtual) {
    // A table or metadata alone of what is not stored: there is no such thing.
    if (!acceptsWhole(exchange.header('accept'))) throw notAcceptable();
    return exchange.sendValue(201, await virtual(await bodyOf(exchange)));
  }
  if (!options.api.definition(target)) await options.api.catchUp();
  const deprecation = options.api.definition(target)?.deprecation;
  if (deprecation !== undefined) exchange.context.warn?.(deprecation);
  if (name === undefined) return handleCollection(options, exchange, target, verb);
  const named: NamedTarget = { ...target, name };
  switch (subresource) {
    case undefined:
    case 'status':
    case 'finalize':
    case 'ephemeralcontainers':
    case 'resize':
    case 'approval':
      return handleObject(options, exchange, named, verb);
    case 'scale':
      return handleScale(options.api, exchange, named, verb);
    case 'binding':
    case 'eviction':
      return handleAction(options.api, exchange, named, verb);
    case 'token':
      if (verb !== 'create') throw methodNotAllowed(resource, verb);
      return exchange.sendValue(201, await options.api.requestToken(exchange.context, named, await bodyOf(exchange)));
    case 'log':
      return handleLog(options, exchange, named, verb);
    case 'exec':
    case 'attach':
    case 'portforward':
      if (!options.api.definition(named)?.subresources.some((one) => one.name === subresource)) break;
      throw new ApiError(
        'BadRequest',
        'you must specify at least 1 of stdin, stdout, stderr, and upgrade the connection',
      );
    default:
  }
  throw resourceNotServed();
}

async function handleCollection(
  options: ResourceHandlerOptions,
  exchange: Exchange,
  target: Target,
  verb: string,
): Promise<void> {
  const { api } = options;
  const { context, query } = exchange;
  switch (verb) {
    case 'list': {
      const listed = await api.list(context, target, listOptions(query));
      return sendList(api, exchange, listed);
    }
    case 'watch':
      return handleWatch(options, exchange, target);
    case 'create': {
      const body = await bodyOf(exchange);
      const record = await api.create(context, target, body, writeOptionsOf(exchange));
      return sendObject(api, exchange, target, record, 201);
    }
    case 'deletecollection': {
      const deletion = await deleteOptionsOf(api, exchange);
      const listed = await api.deleteCollection(context, target, listOptions(query), deletion);
      return sendList(api, exchange, listed);
    }
    default:
      throw methodNotAllowed(target.resource, verb);
  }
}

async function handleObject(
  options: ResourceHandlerOptions,
  exchange: Exchange,
  target: NamedTarget,
  verb: string,
): Promise<void> {
  const { api } = options;
  const { context, query } = exchange;
  switch (verb) {
    case 'get': {
      const resourceVersion = query.get('resourceVersion') ?? undefined;
      return sendObject(api, exchange, target, await api.get(context, target, { resourceVersion }), 200);
    }
    case 'watch':
      return handleWatch(options, exchange, target);
    case 'update': {
      const record = await api.update(context, target, await bodyOf(exchange), writeOptionsOf(exchange));
      return sendObject(api, exchange, target, record, record.created ? 201 : 200);
    }
    case 'patch': {
      const record = await api.patch(context, target, await bodyOf(exchange), writeOptionsOf(exchange));
      return sendObject(api, exchange, target, record, record.created ? 201 : 200);
    }
    case 'delete': {
      const { record, deleted } = await api.delete(context, target, await deleteOptionsOf(api, exchange));
      if (!deleted) return sendObject(api, exchange, target, record, 200);
      return exchange.sendValue(200, deletedStatus(target, record));
    }
    default:
      throw methodNotAllowed(target.resource, verb);
  }
}

async function handleScale(api: ResourceApi, exchange: Exchange, target: NamedTarget, verb: string): Promise<void> {
  const { context } = exchange;
  switch (verb) {
    case 'get':
      return exchange.sendValue(200, await api.getScale(context, target));
    case 'update': {
      const body = await bodyOf(exchange);
      return exchange.sendValue(200, await api.updateScale(context, target, body, writeOptionsOf(exchange)));
    }
    case 'patch': {
      const body = await bodyOf(exchange);
      return exchange.sendValue(200, await api.patchScale(context, target, body, writeOptionsOf(exchange)));
    }
    default:
      throw methodNotAllowed(target.resource, verb);
  }
}

async function handleAction(api: ResourceApi, exchange: Exchange, target: NamedTarget, verb: string): Promise<void> {
  if (verb !== 'create') throw methodNotAllowed(target.resource, verb);
  const { context, query } = exchange;
  const dryRun = dryRunOf(query.getAll('dryRun'));
  const body = await bodyOf(exchange);
  if (target.subresource === 'binding') await api.bind(context, target, body, { dryRun });
  else await api.evict(context, target, body, { dryRun });
  return exchange.sendValue(201, { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 });
}

async function handleLog(
  options: ResourceHandlerOptions,
  exchange: Exchange,
  target: NamedTarget,
  verb: string,
): Promise<void> {
  if (verb !== 'get') throw methodNotAllowed(target.resource, verb);
  const { pod } = await podForStream(options, exchange, target, 'get', exchange.query);
  if (!options.streaming) throw new ApiError('ServiceUnavailable', 'pod streams are not available on this server');
  await options.streaming.handleLog(exchange.context, pod, exchange.request, exchange.response);
}

async function handleProxy(
  options: ResourceHandlerOptions,
  exchange: Exchange,
  target: NamedTarget,
  verb: string,
  rest: string,
): Promise<void> {
  const { request, response, signal } = exchange;
  const proxy = await proxyFor(options, exchange.context, target, verb, rest);
  await proxy.handle(target, request.url ?? '/', request, response, signal);
}

/** @throws ApiError NotFound, Forbidden */
export async function proxyFor(
  { api, proxy }: ResourceHandlerOptions,
  context: RequestContext,
  target: NamedTarget,
  verb: string,
  /** The path behind the proxy. */
  rest: string,
): Promise<ResourceProxy> {
  if (!api.definition(target)?.subresources.some(({ name }) => name === 'proxy')) throw resourceNotServed();
  await api.authorize(context, target, verb);
  const connect = connectOptions(target.resource.resource, 'proxy', new URLSearchParams(), rest);
  if (connect) await api.connect(context, target, connect.object, connect.kind);
  if (!proxy) throw new ApiError('ServiceUnavailable', 'the proxy is not available on this server');
  return proxy;
}

/** Authorizes a streaming subresource, reads its pod, and lets admission judge a connection. @throws ApiError Forbidden, NotFound */
export async function podForStream(
  options: ResourceHandlerOptions,
  exchange: Pick<Exchange, 'context'>,
  target: NamedTarget,
  verb: string,
  query: URLSearchParams,
): Promise<{ pod: Pod }> {
  const { api } = options;
  const known = api.definition(target)?.subresources.some((one) => one.name === target.subresource);
  if (!known) throw resourceNotServed();
  await api.authorize(exchange.context, target, verb);
  // Authorized as what it is: who may exec need not be allowed to get.
  const pod = decodeShared(await api.read(exchange.context, target)) as Pod;
  const connect = connectOptions(target.resource.resource, target.subresource ?? '', query);
  if (connect) await api.connect(exchange.context, target, connect.object, connect.kind);
  return { pod };
}

async function handleWatch(options: ResourceHandlerOptions, exchange: Exchange, target: Target): Promise<void> {
  const accepted = negotiate(exchange.header('accept'), protobufFor(options.api, target));
  // There are no watches in YAML.
  const representation = accepted.encoding === 'yaml' ? { ...accepted, encoding: 'json' as const } : accepted;
  const signal = AbortSignal.any([exchange.signal, options.closing]);
  const stream = await options.api.watch({ ...exchange.context, signal }, target, watchOptions(exchange.query));
  const encoder = new EventEncoder(stream.definition, representation, includeObjectOf(exchange));
  const { clock } = options.api;
  const sent = watchEventCounter(target.resource);
  async function* chunks(): AsyncGenerator<Buffer> {
    for await (const batch of stream) {
      sent.add(batch.length);
      yield encoder.encode(batch, clock.nowMs());
    }
  }
  const contentType = contentTypeOf(representation);
  const streamed = representation.encoding === 'protobuf' ? `${contentType};stream=watch` : contentType;
  await exchange.stream(streamed, chunks(), false);
}

function protobufFor(api: ResourceApi, target: Target): boolean {
  const definition = api.definition(target);
  return definition !== undefined && servesProtobuf(definition);
}

async function sendObject(
  api: ResourceApi,
  exchange: Exchange,
  target: Target,
  record: ObjectRecord,
  status: number,
): Promise<void> {
  const definition = api.definition(target)!;
  const representation = negotiate(exchange.header('accept'), servesProtobuf(definition));
  const includeObject = includeObjectOf(exchange);
  const bytes = encodeObject(definition, record, { representation, includeObject, nowMs: api.clock.nowMs() });
  await exchange.send(status, contentTypeOf(representation), bytes);
}

async function sendList(api: ResourceApi, exchange: Exchange, listed: ListedObjects): Promise<void> {
  const representation = negotiate(exchange.header('accept'), servesProtobuf(listed.definition));
  const includeObject = includeObjectOf(exchange);
  const chunks = encodeList(listed, { representation, includeObject, nowMs: api.clock.nowMs() });
  const contentType = contentTypeOf(representation);
  if (listed.items.length > largeListItems) return exchange.stream(contentType, chunks, true);
  return exchange.send(200, contentType, Buffer.concat([...chunks]));
}

/** Of a create, update or patch. @throws ApiError BadRequest */
function writeOptionsOf(exchange: Exchange): WriteRequestOptions {
  return { ...writeQuery(exchange.query), userAgent: exchange.header('user-agent') };
}

async function bodyOf(exchange: Exchange): Promise<Exclude<Body, { object: unknown }>> {
  const fieldValidation = fieldValidationOf(exchange.query);
  const contentType = exchange.header('content-type');
  const bytes = await readBody(exchange.request);
  exchange.audit?.requestBody({ bytes, contentType });
  return { bytes, contentType, fieldValidation };
}

async function deleteOptionsOf(api: ResourceApi, exchange: Exchange) {
  const body = decodeDeleteOptions(api.schemas, await readBody(exchange.request), exchange.header('content-type'));
  const query = deleteQuery(exchange.query);
  return {
    gracePeriodSeconds: body.gracePeriodSeconds ?? query.gracePeriodSeconds,
    propagationPolicy: body.propagationPolicy ?? query.propagationPolicy,
    orphanDependents: body.orphanDependents ?? query.orphanDependents,
    preconditions: body.preconditions,
    dryRun: dryRunOf([...exchange.query.getAll('dryRun'), ...(body.dryRun ?? [])]),
  };
}

function includeObjectOf(exchange: Exchange): IncludeObject {
  const value = exchange.query.get('includeObject') || 'Metadata';
  if (value === 'None' || value === 'Metadata' || value === 'Object') return value;
  throw new ApiError(
    'BadRequest',
    `includeObject: Unsupported value: ${JSON.stringify(value)}: supported values: "None", "Metadata", "Object"`,
  );
}

function deletedStatus(target: NamedTarget, record: ObjectRecord): object {
  const { group, resource } = target.resource;
  const uid = decodeShared(record).metadata?.uid;
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Success',
    details: { name: target.name, ...(group !== '' && { group }), kind: resource, uid },
  };
}
