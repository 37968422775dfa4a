/** Which Secrets and ConfigMaps a pod's node needs to run it. */
import type { Container, EphemeralContainer, Pod, Volume } from '../../api/generated/types/core-v1.ts';

type Kind = 'secrets' | 'configmaps';

export function referencedNames(pod: Pod, kind: Kind): ReadonlySet<string> {
  const names = new Set<string>();
  const add = (name: string | undefined) => {
    if (name) names.add(name);
  };
  const spec = pod.spec;
  if (!spec) return names;
  if (kind === 'secrets') for (const secret of spec.imagePullSecrets ?? []) add(secret.name);
  for (const volume of spec.volumes ?? []) addVolume(volume, kind, add);
  const containers: (Container | EphemeralContainer)[] = [
    ...(spec.initContainers ?? []),
    ...(spec.containers ?? []),
    ...(spec.ephemeralContainers ?? []),
  ];
  for (const container of containers) {
    for (const source of container.envFrom ?? []) {
      add(kind === 'secrets' ? source.secretRef?.name : source.configMapRef?.name);
    }
    for (const { valueFrom } of container.env ?? []) {
      add(kind === 'secrets' ? valueFrom?.secretKeyRef?.name : valueFrom?.configMapKeyRef?.name);
    }
  }
  return names;
}

function addVolume(volume: Volume, kind: Kind, add: (name: string | undefined) => void): void {
  if (kind === 'secrets') add(volume.secret?.secretName);
  else add(volume.configMap?.name);
  for (const source of volume.projected?.sources ?? []) {
    add(kind === 'secrets' ? source.secret?.name : source.configMap?.name);
  }
}
