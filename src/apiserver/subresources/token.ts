/** POST to `serviceaccounts/NAME/token`: a token for the account, bound to an audience, a time and perhaps an object (TokenRequest). */

import type { FieldError } from '../../api/definition.ts';
import type { TokenRequest } from '../../api/generated/types/authentication-v1.ts';
import type { Pod } from '../../api/generated/types/core-v1.ts';
import { fieldInvalid, invalid } from '../../api/meta/field-error.ts';
import { ApiError } from '../../api/status.ts';
import { type KubernetesObject, resources } from '../../api/types.ts';
import { admissionRequest } from '../admission/request.ts';
import type { BoundObject, ServiceAccountTokens } from '../authentication/service-account-tokens.ts';
import { nodeNameOf } from '../authorization/node-authorizer.ts';
import type { Body } from '../body.ts';
import type { ApiCore } from '../core.ts';
import { decodeObject } from '../decode-object.ts';
import { conflict, forbidden, notFound } from '../errors.ts';
import { objectKey } from '../keys.ts';
import { decodeShared, recordOf } from '../object-record.ts';
import { linearizableTimeoutMs } from '../resource-version.ts';
import { withStoreErrors } from '../store-errors.ts';
import { authorize, type NamedTarget, resolve } from '../target.ts';
import type { RequestContext } from '../types.ts';

export const tokenRequestKind = {
  group: 'authentication.k8s.io',
  version: 'v1',
  kind: 'TokenRequest',
  schema: 'io.k8s.api.authentication.v1.TokenRequest',
} as const;

const defaultSeconds = 3_600;
const minSeconds = 600;
const maxSeconds = 2 ** 32;
/** What node agents ask for on behalf of pods that did not say: such tokens live longer than their clients should count on. */
const podTokenSeconds = 3_607;
const extendedSeconds = 365 * 24 * 3_600;

const bindable = { Pod: resources.pods, Secret: resources.secrets, Node: resources.nodes } as const;

export async function requestToken(
  core: ApiCore,
  tokens: ServiceAccountTokens | undefined,
  context: RequestContext,
  target: NamedTarget,
  body: Body,
): Promise<TokenRequest> {
  const definition = resolve(core, target, 'create');
  await authorize(core, context, target, 'create');
  const request = decodeObject(core, tokenRequestKind, body, context) as KubernetesObject & TokenRequest;
  if (!tokens) throw new ApiError('ServiceUnavailable', 'this server has no key to sign tokens with');
  if (request.metadata?.name && request.metadata.name !== target.name)
    throw new ApiError('BadRequest', 'name in URL does not match name in TokenRequest object');
  const { audiences = [], expirationSeconds = defaultSeconds, boundObjectRef } = request.spec ?? {};
  const errors = validate(expirationSeconds, audiences);
  if (errors.length > 0) throw invalid(tokenRequestKind, target.name, errors);
  const { subresource, namespace, name } = target;
  const admission = admissionRequest(context, {
    operation: 'CREATE',
    definition,
    subresource,
    namespace,
    name,
    dryRun: false,
    object: request,
    kind: tokenRequestKind,
  });
  await core.admission.mutate(admission);
  await core.admission.validate(admission);
  await withStoreErrors(() => core.store.linearizable({ signal: context.signal, timeoutMs: linearizableTimeoutMs }));
  const find = (resource: (typeof bindable)[keyof typeof bindable], namespace: string | undefined, name: string) => {
    const item = core.store.get(objectKey(resource, namespace, name));
    if (!item) throw notFound(resource, name);
    return decodeShared(recordOf(item));
  };
  const account = find(resources.serviceAccounts as never, target.namespace, target.name);
  const bound: { pod?: BoundObject; secret?: BoundObject; node?: BoundObject } = {};
  if (boundObjectRef) {
    const { kind = '', name = '', uid } = boundObjectRef;
    const resource = bindable[kind as keyof typeof bindable];
    if (!resource || (boundObjectRef.apiVersion ?? 'v1') !== 'v1') {
      throw new ApiError('BadRequest', `cannot bind token for serviceaccount to object of type ${kind}`);
    }
    const object = find(resource, kind === 'Node' ? undefined : target.namespace, name);
    if (uid && uid !== object.metadata?.uid) {
      const why = `the UID in the bound object reference (${uid}) does not match the UID in record. The object might have been deleted and then recreated`;
      throw conflict({ group: '', resource: resource.resource }, name, why);
    }
    const reference = { name, uid: object.metadata!.uid! };
    if (
      kind === 'Pod' &&
      nodeNameOf(context.user) !== undefined &&
      (object as Pod).spec?.nodeName !== nodeNameOf(context.user)
    ) {
      throw forbidden(definition, target.name, `node requested a token bound to a pod that is not on it`);
    }
    if (kind === 'Pod') bindToPod(core, object as Pod, target, bound, reference);
    else if (kind === 'Secret') bound.secret = reference;
    else bound.node = reference;
  }
  const nodeName = nodeNameOf(context.user);
  // A node speaks for its own pods only (NodeRestriction).
  if (nodeName !== undefined && bound.pod === undefined) {
    throw forbidden(definition, target.name, `node "${nodeName}" requested a token not bound to a pod scheduled on it`);
  }
  const audience = audiences.length > 0 ? audiences : [tokens.issuer];
  const extended =
    expirationSeconds === podTokenSeconds && audience.length === 1 && audience[0] === tokens.issuer && bound.pod;
  const issued = await tokens.issue({
    namespace: target.namespace!,
    account: { name: target.name, uid: account.metadata!.uid! },
    audiences: audience,
    expirationSeconds: extended ? extendedSeconds : expirationSeconds,
    ...(extended && { warnAfterSeconds: expirationSeconds }),
    ...bound,
  });
  // The client is to refresh it as if it were short-lived.
  const told = extended ? core.clock.nowMs() + expirationSeconds * 1_000 : issued.expiresMs;
  return {
    ...request,
    kind: tokenRequestKind.kind,
    apiVersion: 'authentication.k8s.io/v1',
    metadata: {
      name: target.name,
      namespace: target.namespace,
      creationTimestamp: new Date(core.clock.nowMs()).toISOString().replace(/\.\d+Z$/, 'Z'),
    },
    spec: { audiences: [...audience], expirationSeconds, ...(boundObjectRef && { boundObjectRef }) },
    status: { token: issued.token, expirationTimestamp: new Date(told).toISOString().replace(/\.\d+Z$/, 'Z') },
  } satisfies TokenRequest & { kind: string; apiVersion: string };
}

function bindToPod(
  core: ApiCore,
  pod: Pod,
  target: NamedTarget,
  bound: { pod?: BoundObject; node?: BoundObject },
  reference: BoundObject,
): void {
  if (pod.spec?.serviceAccountName !== target.name) {
    throw new ApiError(
      'BadRequest',
      `cannot bind token for serviceaccount "${target.name}" to pod running with different serviceaccount name.`,
    );
  }
  bound.pod = reference;
  const nodeName = pod.spec?.nodeName;
  const node = nodeName && core.store.get(objectKey(resources.nodes, undefined, nodeName));
  if (nodeName && node) bound.node = { name: nodeName, uid: decodeShared(recordOf(node)).metadata?.uid ?? '' };
}

function validate(seconds: number, audiences: readonly string[]): FieldError[] {
  const errors: FieldError[] = [];
  const at = 'spec.expirationSeconds';
  if (seconds < minSeconds) errors.push(fieldInvalid(at, seconds, 'may not specify a duration less than 10 minutes'));
  if (seconds > maxSeconds)
    errors.push(fieldInvalid(at, seconds, 'may not specify a duration larger than 2^32 seconds'));
  audiences.forEach((audience, index) => {
    if (audience === '') errors.push(fieldInvalid(`spec.audiences[${index}]`, audience, 'must not be empty'));
  });
  return errors;
}
