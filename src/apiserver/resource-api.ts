/**
 * The one generic path: every verb on every resource, for REST, gRPC, the dispatcher and callers in this process alike. Callers have been
 * authenticated; everything after that happens here, in the order authorization, decoding and defaults, admission, strategy,
 * validation, and a store transaction that decides where it stands in the log. Every failure is an ApiError.
 */
import { randomUUID } from 'node:crypto';
import type { KindRegistry, ResourceDefinition } from '../api/definition.ts';
import type { TokenRequest } from '../api/generated/types/authentication-v1.ts';
import type { Scale } from '../api/generated/types/autoscaling-v1.ts';
import type { IpFamily } from '../api/meta/address-range.ts';
import { createKindRegistry } from '../api/registry.ts';
import { builtInSchemas, type SchemaSet } from '../api/schema/schema.ts';
import type { GroupVersionKind, KubernetesObject } from '../api/types.ts';
import { type Clock, systemClock } from '../lib/clock.ts';
import type { Store } from '../store/types.ts';
import { createAdmissionChain } from './admission/chain.ts';
import { defaultAdmission } from './admission/default-chain.ts';
import { admissionRequest } from './admission/request.ts';
import type { AdmissionPlugin } from './admission/types.ts';
import { type ConnectService, WebhookClient } from './admission/webhooks/client.ts';
import { ServiceAllocator } from './allocation/service-allocator.ts';
import type { Allocators } from './allocation/types.ts';
import { Authenticator, type TokenAuthenticator } from './authentication/index.ts';
import type { ServiceAccountTokens } from './authentication/service-account-tokens.ts';
import { createAuthorization, type OtherAuthorizers } from './authorization/index.ts';
import { escalationCheck } from './authorization/rbac/escalation.ts';
import type { RbacPolicy } from './authorization/rbac/policy.ts';
import type { Body, WriteRequestOptions } from './body.ts';
import type { ChangeResult } from './change-object.ts';
import type { ApiCore } from './core.ts';
import { CustomRegistry } from './custom-resources/registry.ts';
import { webhookConversion } from './custom-resources/webhook-conversion.ts';
import { decodeObject } from './decode-object.ts';
import type { PatchBody } from './decode-patch.ts';
import { collectionRange } from './keys.ts';
import type { ObjectRecord } from './object-record.ts';
import { servedList, servedRecord, servedStream } from './served-form.ts';
import { bindPod } from './subresources/binding.ts';
import { evictPod } from './subresources/eviction.ts';
import { getScale, patchScale, updateScale } from './subresources/scale.ts';
import { requestToken } from './subresources/token.ts';
import { authorize, findDefinition, type NamedTarget, storageNamespace, type Target } from './target.ts';
import type { Authorizer, RequestContext } from './types.ts';
import { createObject } from './verbs/create.ts';
import { type DeleteOptions, deleteObject } from './verbs/delete.ts';
import { deleteCollection } from './verbs/delete-collection.ts';
import { type GetOptions, getObject, readObject } from './verbs/get.ts';
import { type ListedObjects, type ListRequest, listObjects } from './verbs/list.ts';
import { patchObject } from './verbs/patch.ts';
import { updateObject } from './verbs/update.ts';
import { type WatchRequest, type WatchStream, watchObjects } from './verbs/watch.ts';

export interface ResourceApiOptions {
  readonly store: Store;
  /** Defaults: the built-in kinds, authorizers and admission plugins. */
  readonly registry?: KindRegistry;
  readonly schemas?: SchemaSet;
  readonly authorizer?: Authorizer;
  readonly admission?: readonly AdmissionPlugin[];
  /** Absent: no service-account tokens are made or understood. */
  readonly tokens?: ServiceAccountTokens | undefined;
  /** Who else says what is allowed. */
  readonly otherAuthorizers?: OtherAuthorizers | undefined;
  /** Who else knows tokens, in order. */
  readonly tokenAuthenticators?: readonly TokenAuthenticator[];
  /** How webhooks in Services are reached. Absent: they are not. */
  readonly connectService?: ConnectService | undefined;
  /** Families of the cluster's Service addresses, the usual one first. Absent: Services are given nothing. */
  readonly serviceFamilies?: readonly IpFamily[];
  readonly clock?: Clock;
  readonly newUid?: () => string;
  readonly random?: () => number;
}

const catchUpTimeoutMs = 1_000;

const noServices: ConnectService = () => Promise.reject(new Error('Services cannot be reached from this server'));

export class ResourceApi {
  readonly #core: ApiCore;
  readonly #webhooks: WebhookClient;
  /** Roles and bindings. */
  readonly policy: RbacPolicy;
  readonly authenticator: Authenticator;

  constructor(options: ResourceApiOptions) {
    const { store } = options;
    this.#webhooks = new WebhookClient(options.connectService ?? noServices);
    const newUid = options.newUid ?? randomUUID;
    const registry =
      options.registry ??
      new CustomRegistry({
        builtIn: createKindRegistry(),
        store,
        converter: (crd) => webhookConversion(crd, this.#webhooks, newUid),
      });
    const { authorizer, rbac, policy } = createAuthorization(store, options.otherAuthorizers);
    this.policy = policy;
    this.authenticator = new Authenticator({
      store,
      tokens: options.tokens,
      others: options.tokenAuthenticators ?? [],
      clock: options.clock ?? systemClock,
    });
    const clock = options.clock ?? systemClock;
    const random = options.random ?? Math.random;
    const families = options.serviceFamilies;
    const allocators: Allocators = families
      ? new Map([['services.', new ServiceAllocator({ store, families, clock, newUid, random })]])
      : new Map();
    const schemas = options.schemas ?? builtInSchemas();
    const authorizing = options.authorizer ?? authorizer;
    const plugins = defaultAdmission({
      store,
      registry,
      schemas,
      authorizer: authorizing,
      client: this.#webhooks,
      clock: options.clock ?? systemClock,
      others: [escalationCheck(policy, rbac)],
    });
    this.#core = {
      store,
      registry,
      schemas,
      authorizer: authorizing,
      admission: createAdmissionChain(options.admission ?? plugins),
      allocators,
      clock,
      newUid,
      random,
    };
  }

  /** Drops the connections to webhooks. */
  close(): void {
    this.#webhooks.close();
  }

  get registry(): KindRegistry {
    return this.#core.registry;
  }

  get schemas(): SchemaSet {
    return this.#core.schemas;
  }

  get authorizer(): Authorizer {
    return this.#core.authorizer;
  }

  get clock(): Clock {
    return this.#core.clock;
  }

  #served(target: Target, record: ObjectRecord): ObjectRecord {
    return servedRecord(this.definition(target), record);
  }

  /**
   * What was acknowledged anywhere is known here: so that a kind that another master has begun to serve is served here too. Gives up after a moment: without
   * a leader there is still what was known before.
   */
  async catchUp(): Promise<void> {
    await this.#core.store.linearizable({ timeoutMs: catchUpTimeoutMs }).catch(() => undefined);
  }

  definition(target: Target): ResourceDefinition | undefined {
    return this.#core.registry.find(target.resource);
  }

  /** Objects of a collection in this replica's memory; 0 of what is not stored. */
  count(target: Target): number {
    const definition = this.definition(target);
    if (!definition) return 0;
    const range = collectionRange(definition, definition.namespaced ? target.namespace || undefined : undefined);
    return this.#core.store.range({ ...range, countOnly: true }).count;
  }

  /** For what is done outside of the generic path (pod streams). @throws ApiError Forbidden */
  authorize(context: RequestContext, target: Target, verb: string): Promise<void> {
    return authorize(this.#core, context, target, verb);
  }

  /** Admission of a connection (exec, attach, port-forward, proxy); `object` says how it is meant, as PodExecOptions does. @throws ApiError */
  async connect(
    context: RequestContext,
    target: NamedTarget,
    object: KubernetesObject,
    kind: GroupVersionKind,
  ): Promise<void> {
    const definition = findDefinition(this.#core, target);
    const { subresource, name } = target;
    const namespace = storageNamespace(definition, target);
    const request = admissionRequest(context, {
      operation: 'CONNECT',
      definition,
      subresource,
      namespace,
      name,
      dryRun: false,
      object,
      kind,
    });
    await this.#core.admission.mutate(request);
    await this.#core.admission.validate(request);
  }

  /** The object behind a subresource that the caller has been authorized for. @throws ApiError NotFound */
  read(context: RequestContext, target: NamedTarget): Promise<ObjectRecord> {
    return readObject(this.#core, context, target);
  }

  /** The body of a resource that is not stored. @throws ApiError BadRequest, UnsupportedMediaType */
  decode(
    expected: GroupVersionKind & { readonly schema: string },
    body: Body,
    context: Pick<RequestContext, 'warn'> = {},
  ): KubernetesObject {
    return decodeObject(this.#core, expected, body, context);
  }

  /** @throws ApiError NotFound */
  async get(context: RequestContext, target: NamedTarget, options?: GetOptions): Promise<ObjectRecord> {
    return this.#served(target, await getObject(this.#core, context, target, options));
  }

  /** @throws ApiError BadRequest, Expired, Timeout */
  async list(context: RequestContext, target: Target, request: ListRequest): Promise<ListedObjects> {
    return servedList(await listObjects(this.#core, context, target, request));
  }

  /** Resolves once the watch stands; a start that was compacted away is told as the stream's one ERROR. */
  async watch(context: RequestContext, target: Target, request: WatchRequest): Promise<WatchStream> {
    return servedStream(await watchObjects(this.#core, context, target, request));
  }

  /** @throws ApiError AlreadyExists, NotFound (the namespace), Invalid */
  async create(
    context: RequestContext,
    target: Target,
    body: Body,
    options?: WriteRequestOptions,
  ): Promise<ObjectRecord> {
    return this.#served(target, await createObject(this.#core, context, target, body, options));
  }

  /** @throws ApiError NotFound, Conflict, Invalid */
  async update(
    context: RequestContext,
    target: NamedTarget,
    body: Body,
    options?: WriteRequestOptions,
  ): Promise<ObjectRecord> {
    return this.#served(target, await updateObject(this.#core, context, target, body, options));
  }

  /** @throws ApiError NotFound, Conflict, Invalid */
  async patch(
    context: RequestContext,
    target: NamedTarget,
    body: PatchBody,
    options?: WriteRequestOptions,
  ): Promise<ObjectRecord> {
    return this.#served(target, await patchObject(this.#core, context, target, body, options));
  }

  /** @throws ApiError NotFound, Conflict */
  async delete(context: RequestContext, target: NamedTarget, options?: DeleteOptions): Promise<ChangeResult> {
    const result = await deleteObject(this.#core, context, target, options);
    return { ...result, record: this.#served(target, result.record) };
  }

  async deleteCollection(
    context: RequestContext,
    target: Target,
    list: ListRequest,
    options?: DeleteOptions,
  ): Promise<ListedObjects> {
    return servedList(await deleteCollection(this.#core, context, target, list, options));
  }

  getScale(context: RequestContext, target: NamedTarget, options?: GetOptions): Promise<Scale> {
    return getScale(this.#core, context, target, options);
  }

  updateScale(context: RequestContext, target: NamedTarget, body: Body, options?: WriteRequestOptions): Promise<Scale> {
    return updateScale(this.#core, context, target, body, options);
  }

  patchScale(
    context: RequestContext,
    target: NamedTarget,
    body: PatchBody,
    options?: WriteRequestOptions,
  ): Promise<Scale> {
    return patchScale(this.#core, context, target, body, options);
  }

  /** @throws ApiError Conflict when the pod is assigned already, or being deleted */
  bind(context: RequestContext, target: NamedTarget, body: Body, options?: WriteRequestOptions): Promise<void> {
    return bindPod(this.#core, context, target, body, options);
  }

  /** @throws ApiError NotFound, Conflict (what it is bound to is another), Invalid */
  requestToken(context: RequestContext, target: NamedTarget, body: Body): Promise<TokenRequest> {
    return requestToken(this.#core, this.authenticator.tokens, context, target, body);
  }

  evict(context: RequestContext, target: NamedTarget, body: Body, options?: WriteRequestOptions): Promise<void> {
    return evictPod(this.#core, context, target, body, options);
  }
}
