/**
 * Pods run as a ServiceAccount: `default` of their namespace if they name none. They get its pull secrets, and a volume with a token,
 * the cluster's CA and their namespace (Kubernetes, "ServiceAccount admission controller").
 */
import type { Container, Pod, PodSpec, ServiceAccount, Volume } from '../../api/generated/types/core-v1.ts';
import { generateName } from '../../api/meta/generate-name.ts';
import { resources } from '../../api/types.ts';
import type { Store } from '../../store/types.ts';
import { forbidden } from '../errors.ts';
import { objectKey } from '../keys.ts';
import { decodeShared, recordOf } from '../object-record.ts';
import { concerns, objectOf } from './scope.ts';
import type { AdmissionPlugin } from './types.ts';

const tokenFolder = '/var/run/secrets/kubernetes.io/serviceaccount';
const volumePrefix = 'kube-api-access-';
/** One hour and a bit: the bit tells the API that the client did not choose the time itself. */
const tokenSeconds = 3_607;
const mirrorAnnotation = 'kubernetes.io/config.mirror';

export function serviceAccount(store: Pick<Store, 'get'>): AdmissionPlugin {
  return {
    name: 'ServiceAccount',
    ...concerns(resources.pods, 'CREATE'),
    mutate(request) {
      const pod = objectOf<Pod>(request);
      const { spec } = pod;
      // A mirror of a static pod runs without the API.
      if (!spec || pod.metadata?.annotations?.[mirrorAnnotation] !== undefined) return;
      spec.serviceAccountName ||= spec.serviceAccount || 'default';
      // The deprecated name of the same field is kept equal, as upstream does.
      spec.serviceAccount = spec.serviceAccountName;
      const namespace = request.namespace ?? '';
      const item = store.get(objectKey(resources.serviceAccounts, namespace, spec.serviceAccountName));
      if (!item) {
        const account = spec.serviceAccountName;
        const why = `error looking up service account ${namespace}/${account}: serviceaccount "${account}" not found`;
        throw forbidden(request.definition, request.name, why);
      }
      const account = decodeShared(recordOf(item)) as ServiceAccount;
      if (spec.automountServiceAccountToken ?? account.automountServiceAccountToken ?? true) mountToken(spec);
      if (!spec.imagePullSecrets?.length && account.imagePullSecrets?.length) {
        spec.imagePullSecrets = account.imagePullSecrets.map(({ name }) => ({ name }));
      }
    },
  };
}

function mountToken(spec: PodSpec): void {
  const containers: Container[] = [...(spec.initContainers ?? []), ...spec.containers];
  const without = containers.filter((one) => !one.volumeMounts?.some(({ mountPath }) => mountPath === tokenFolder));
  if (without.length === 0) return;
  const own = spec.volumes?.find(({ name, projected }) => name.startsWith(volumePrefix) && projected);
  const name = own?.name ?? generateName(volumePrefix, (count) => Math.floor(Math.random() * count));
  for (const container of without) {
    container.volumeMounts = [...(container.volumeMounts ?? []), { name, readOnly: true, mountPath: tokenFolder }];
  }
  if (!own) spec.volumes = [...(spec.volumes ?? []), tokenVolume(name)];
}

function tokenVolume(name: string): Volume {
  return {
    name,
    projected: {
      defaultMode: 0o644,
      sources: [
        { serviceAccountToken: { expirationSeconds: tokenSeconds, path: 'token' } },
        { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
        {
          downwardAPI: {
            items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }],
          },
        },
      ],
    },
  };
}
