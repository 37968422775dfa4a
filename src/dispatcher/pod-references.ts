/** Which Secrets and ConfigMaps a pod needs on its node: volumes, environment and image pull secrets. Pure. */
import type { Container, Pod, Volume } from '../api/generated/types/core-v1.ts';
import type { Item } from './items.ts';

/** Each once, whether or not it exists. */
export function referencesOf(pod: Pod): Item[] {
  const namespace = pod.metadata?.namespace ?? '';
  const found = new Set<Item>();
  const secret = (name: string | undefined): void => {
    if (name) found.add(`secrets/${namespace}/${name}`);
  };
  const configMap = (name: string | undefined): void => {
    if (name) found.add(`configmaps/${namespace}/${name}`);
  };
  const { spec } = pod;
  for (const reference of spec?.imagePullSecrets ?? []) secret(reference.name);
  for (const volume of spec?.volumes ?? []) volumeReferences(volume, secret, configMap);
  const containers: Pick<Container, 'env' | 'envFrom'>[] = [
    ...(spec?.initContainers ?? []),
    ...(spec?.containers ?? []),
    ...(spec?.ephemeralContainers ?? []),
  ];
  for (const { env = [], envFrom = [] } of containers) {
    for (const { valueFrom } of env) {
      secret(valueFrom?.secretKeyRef?.name);
      configMap(valueFrom?.configMapKeyRef?.name);
    }
    for (const { secretRef, configMapRef } of envFrom) {
      secret(secretRef?.name);
      configMap(configMapRef?.name);
    }
  }
  return [...found];
}

type Found = (name: string | undefined) => void;

function volumeReferences(volume: Volume, secret: Found, configMap: Found): void {
  secret(volume.secret?.secretName);
  configMap(volume.configMap?.name);
  for (const source of volume.projected?.sources ?? []) {
    secret(source.secret?.name);
    configMap(source.configMap?.name);
  }
  secret(volume.csi?.nodePublishSecretRef?.name);
  secret(volume.flexVolume?.secretRef?.name);
  secret(volume.iscsi?.secretRef?.name);
  secret(volume.cephfs?.secretRef?.name);
  secret(volume.rbd?.secretRef?.name);
}
