/** What a namespace lacks. Pure. */
import type { ConfigMap, Namespace, ServiceAccount } from '../../api/generated/types/core-v1.ts';
import { isDeleting } from '../shared/owners.ts';

export interface NamespaceDefaultsObservation {
  readonly namespace: Namespace | undefined;
  readonly account: ServiceAccount | undefined;
  readonly rootCa: ConfigMap | undefined;
  readonly caPem: string;
}

export interface NamespaceDefaultsPlan {
  readonly createAccount?: ServiceAccount;
  readonly createRootCa?: ConfigMap;
  readonly updateRootCa?: ConfigMap;
}

export const rootCaName = 'kube-root-ca.crt';

const description =
  'Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.';

export function planNamespaceDefaults({
  namespace,
  account,
  rootCa,
  caPem,
}: NamespaceDefaultsObservation): NamespaceDefaultsPlan {
  if (!namespace || isDeleting(namespace)) return {};
  const name = namespace.metadata!.name!;
  const data = { 'ca.crt': caPem };
  const newRootCa: ConfigMap = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: rootCaName, namespace: name, annotations: { 'kubernetes.io/description': description } },
    data,
  };
  const newAccount: ServiceAccount = {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: 'default', namespace: name },
  };
  return {
    ...(!account && { createAccount: newAccount }),
    ...(!rootCa && { createRootCa: newRootCa }),
    ...(rootCa && !isDeleting(rootCa) && rootCa.data?.['ca.crt'] !== caPem && { updateRootCa: { ...rootCa, data } }),
  };
}
