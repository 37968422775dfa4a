/** Secrets of type `kubernetes.io/service-account-token`: what is missing in one. Pure. */
import type { Secret, ServiceAccount } from '../../api/generated/types/core-v1.ts';

export const tokenSecretType = 'kubernetes.io/service-account-token';
export const accountAnnotation = 'kubernetes.io/service-account.name';
export const uidAnnotation = 'kubernetes.io/service-account.uid';

export type TokenSecretStep =
  | { readonly kind: 'none' }
  | { readonly kind: 'delete' }
  | { readonly kind: 'fill'; readonly needsToken: boolean };

/** `caPem` as it should be. The account is undefined when it does not exist (any more). */
export function planTokenSecret(secret: Secret, account: ServiceAccount | undefined, caPem: string): TokenSecretStep {
  if (secret.type !== tokenSecretType || secret.metadata?.deletionTimestamp) return { kind: 'none' };
  const uid = secret.metadata?.annotations?.[uidAnnotation] ?? '';
  if (!account || (uid !== '' && uid !== account.metadata?.uid)) return { kind: 'delete' };
  const { data = {} } = secret;
  const namespace = secret.metadata?.namespace ?? '';
  const needsToken = !data.token;
  const right = data['ca.crt'] === base64(caPem) && data.namespace === base64(namespace) && uid !== '';
  return needsToken || !right ? { kind: 'fill', needsToken } : { kind: 'none' };
}

/** `token`: undefined to keep what is there. */
export function filled(secret: Secret, account: ServiceAccount, caPem: string, token: string | undefined): Secret {
  const { metadata = {}, data = {} } = secret;
  return {
    ...secret,
    metadata: { ...metadata, annotations: { ...metadata.annotations, [uidAnnotation]: account.metadata!.uid! } },
    data: {
      ...data,
      'ca.crt': base64(caPem),
      namespace: base64(metadata.namespace ?? ''),
      ...(token !== undefined && { token: base64(token) }),
    },
  };
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
