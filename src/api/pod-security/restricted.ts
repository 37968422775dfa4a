/** The restricted level of the Pod Security Standards: what a pod that is hardened says of itself. */
import type { Volume } from '../generated/types/core-v1.ts';
import { isForbiddenSeccomp, procMount, seccomp } from './baseline.ts';
import {
  type AnyContainer,
  type Check,
  type CheckedPod,
  type CheckFunction,
  containersOf,
  hasOwnUsers,
  isWindows,
  namesWhere,
  plural,
  quoted,
  setters,
  sorted,
  theContainers,
} from './check.ts';

const escalation: CheckFunction = ({ spec }) => {
  const names = namesWhere(spec, ({ securityContext }) => securityContext?.allowPrivilegeEscalation !== false);
  if (names.length === 0) return undefined;
  const detail = `${theContainers(names)} must set securityContext.allowPrivilegeEscalation=false`;
  return { reason: 'allowPrivilegeEscalation != false', detail };
};

const capabilities: CheckFunction = ({ spec }) => {
  const of = ({ securityContext }: AnyContainer) => securityContext?.capabilities;
  const keeps = namesWhere(spec, (container) => !of(container)?.drop?.includes('ALL'));
  const added = (container: AnyContainer) => (of(container)?.add ?? []).filter((one) => one !== 'NET_BIND_SERVICE');
  const adds = namesWhere(spec, (container) => added(container).length > 0);
  const details: string[] = [];
  if (keeps.length > 0) details.push(`${theContainers(keeps)} must set securityContext.capabilities.drop=["ALL"]`);
  if (adds.length > 0) {
    const list = quoted(sorted(containersOf(spec).flatMap(added)));
    details.push(`${theContainers(adds)} must not include ${list} in securityContext.capabilities.add`);
  }
  return details.length === 0 ? undefined : { reason: 'unrestricted capabilities', detail: details.join('; ') };
};

const allowedVolumes = [
  'configMap',
  'csi',
  'downwardAPI',
  'emptyDir',
  'ephemeral',
  'image',
  'persistentVolumeClaim',
  'projected',
  'secret',
] as const satisfies readonly (keyof Volume)[];

const otherVolumes = [
  'hostPath',
  'gcePersistentDisk',
  'awsElasticBlockStore',
  'gitRepo',
  'nfs',
  'iscsi',
  'glusterfs',
  'rbd',
  'flexVolume',
  'cinder',
  'cephfs',
  'flocker',
  'fc',
  'azureFile',
  'vsphereVolume',
  'quobyte',
  'azureDisk',
  'photonPersistentDisk',
  'portworxVolume',
  'scaleIO',
  'storageos',
] as const satisfies readonly (keyof Volume)[];

const volumes: CheckFunction = ({ spec }) => {
  const bad = (spec.volumes ?? []).filter((volume) => !allowedVolumes.some((type) => volume[type]));
  if (bad.length === 0) return undefined;
  const types = sorted(bad.map((volume) => otherVolumes.find((type) => volume[type]) ?? 'unknown'));
  const what = plural('restricted volume type', 'restricted volume types', types.length);
  const names = quoted(bad.map(({ name }) => name));
  const who = `${plural('volume', 'volumes', bad.length)} ${names} ${plural('uses', 'use', bad.length)}`;
  return { reason: 'restricted volume types', detail: `${who} ${what} ${quoted(types)}` };
};

const nonRoot: CheckFunction = ({ spec }) => {
  const reason = 'runAsNonRoot != true';
  const own = spec.securityContext?.runAsNonRoot;
  const wrong = namesWhere(spec, ({ securityContext }) => securityContext?.runAsNonRoot === false);
  const who = setters(own === false, wrong);
  if (who !== '') return { reason, detail: `${who} must not set securityContext.runAsNonRoot=false` };
  const silent = namesWhere(spec, ({ securityContext }) => securityContext?.runAsNonRoot === undefined);
  if (own === true || silent.length === 0) return undefined;
  return { reason, detail: `pod or ${theContainers(silent)} must set securityContext.runAsNonRoot=true` };
};

const nonRootUser: CheckFunction = ({ spec }) => {
  const names = namesWhere(spec, ({ securityContext }) => securityContext?.runAsUser === 0);
  const who = setters(spec.securityContext?.runAsUser === 0, names);
  return who === '' ? undefined : { reason: 'runAsUser=0', detail: `${who} must not set runAsUser=0` };
};

const seccompProfile: CheckFunction = (pod) => {
  const wrong = seccomp(pod);
  if (wrong) return wrong;
  const { spec } = pod;
  const own = spec.securityContext?.seccompProfile?.type;
  const silent = namesWhere(spec, ({ securityContext }) => securityContext?.seccompProfile === undefined);
  if ((own !== undefined && !isForbiddenSeccomp(own)) || silent.length === 0) return undefined;
  const detail = `pod or ${theContainers(silent)} must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"`;
  return { reason: 'seccompProfile', detail };
};

/** `holds`: for pods that the check has nothing to say about. */
const unless =
  (holds: (spec: CheckedPod['spec']) => boolean, check: CheckFunction): CheckFunction =>
  (pod) =>
    holds(pod.spec) ? undefined : check(pod);

/** In the order in which violations are told. */
export const restrictedChecks: readonly Check[] = [
  {
    id: 'allowPrivilegeEscalation',
    versions: [
      [8, escalation],
      [25, unless(isWindows, escalation)],
    ],
  },
  {
    id: 'capabilities_restricted',
    overrides: ['capabilities_baseline'],
    versions: [
      [22, capabilities],
      [25, unless(isWindows, capabilities)],
    ],
  },
  { id: 'procMount_restricted', overrides: ['procMount'], versions: [[35, procMount]] },
  { id: 'restrictedVolumes', overrides: ['hostPathVolumes'], versions: [[0, volumes]] },
  {
    id: 'runAsNonRoot',
    versions: [
      [0, nonRoot],
      [35, unless(hasOwnUsers, nonRoot)],
    ],
  },
  {
    id: 'runAsUser',
    versions: [
      [23, nonRootUser],
      [35, unless(hasOwnUsers, nonRootUser)],
    ],
  },
  {
    id: 'seccompProfile_restricted',
    overrides: ['seccompProfile_baseline'],
    versions: [
      [19, seccompProfile],
      [25, unless(isWindows, seccompProfile)],
    ],
  },
];
