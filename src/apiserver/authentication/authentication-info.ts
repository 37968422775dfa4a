/** What API servers beside this one need to know of whom it trusts: two ConfigMaps in `kube-system`, as upstream keeps them. */
import type { ConfigMap } from '../../api/generated/types/core-v1.ts';
import { isReason } from '../../api/status.ts';
import { resources } from '../../api/types.ts';
import type { ApiClient } from '../../client/types.ts';

const namespace = 'kube-system';

export interface AuthenticationInfo {
  /** CA of client certificates, PEM. */
  readonly clientCaPem: string;
  /** Of the front proxy that masters are. */
  readonly requestHeader: { readonly caPem: string; readonly allowedName: string } | undefined;
}

export function authenticationConfig({ clientCaPem, requestHeader }: AuthenticationInfo): Record<string, string> {
  return {
    'client-ca-file': clientCaPem,
    ...(requestHeader && {
      'requestheader-allowed-names': JSON.stringify([requestHeader.allowedName]),
      'requestheader-client-ca-file': requestHeader.caPem,
      'requestheader-extra-headers-prefix': '["X-Remote-Extra-"]',
      'requestheader-group-headers': '["X-Remote-Group"]',
      'requestheader-uid-headers': '["X-Remote-Uid"]',
      'requestheader-username-headers': '["X-Remote-User"]',
    }),
  };
}

/** @throws ApiError */
export async function keepAuthenticationInfo(client: ApiClient, info: AuthenticationInfo, now: Date): Promise<void> {
  await keep(client, 'extension-apiserver-authentication', authenticationConfig(info), true);
  // Since when the use of tokens in Secrets is noted; who cleans them up waits for a year from then on.
  const since = now.toISOString().slice(0, 10);
  await keep(client, 'kube-apiserver-legacy-service-account-token-tracking', { since }, false);
}

async function keep(client: ApiClient, name: string, data: Record<string, string>, update: boolean): Promise<void> {
  try {
    const found = await client.get<ConfigMap>(resources.configMaps, { namespace, name });
    const same = Object.entries(data).every(([key, value]) => found.data?.[key] === value);
    if (same || !update) return;
    await client.update(resources.configMaps, { ...found, data: { ...found.data, ...data } });
  } catch (error) {
    if (!isReason(error, 'NotFound')) throw error;
    await client.create(resources.configMaps, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name, namespace },
      data,
    } as ConfigMap);
  }
}
