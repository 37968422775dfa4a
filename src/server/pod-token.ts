/** A token for a pod, asked for by its node through the same path as everybody's. */

import { resources } from '../api/types.ts';
import type { ResourceApi } from '../apiserver/resource-api.ts';
import type { UserInfo } from '../apiserver/types.ts';
import type { PodToken, PodTokenRequest } from '../dispatcher/index.ts';

/** @throws ApiError */
export async function issuePodToken(api: ResourceApi, user: UserInfo, request: PodTokenRequest): Promise<PodToken> {
  const { namespace, serviceAccount: name, pod, audience, expirationSeconds } = request;
  const object = {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    spec: {
      audiences: audience === undefined ? [] : [audience],
      expirationSeconds,
      boundObjectRef: { kind: 'Pod', apiVersion: 'v1', ...pod },
    },
  };
  const target = { resource: resources.serviceAccounts, subresource: 'token', namespace, name };
  const { status } = await api.requestToken({ user }, target, { object });
  return { token: status!.token, expiresAtMs: Date.parse(status!.expirationTimestamp) };
}
