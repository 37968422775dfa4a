/** What a PersistentVolume is made of: exactly one of many sources. */
import type { FieldError } from '../../definition.ts';
import type { PersistentVolumeSpec } from '../../generated/types/core-v1.ts';
import { fieldForbidden, fieldInvalid, fieldRequired, fieldTooLong } from '../../meta/field-error.ts';
import { dns1123Subdomain } from '../../meta/names.ts';
import { matches, oneOf, required } from '../checks.ts';

/** Field, and what must be in it. In the order in which upstream looks at them. */
const sources: Readonly<Record<string, readonly string[]>> = {
  hostPath: ['path'],
  gcePersistentDisk: ['pdName'],
  awsElasticBlockStore: ['volumeID'],
  glusterfs: ['endpoints', 'path'],
  flocker: [],
  nfs: ['server', 'path'],
  rbd: ['monitors', 'image'],
  quobyte: ['registry', 'volume'],
  cephfs: ['monitors'],
  iscsi: ['targetPortal', 'iqn'],
  cinder: ['volumeID'],
  fc: [],
  flexVolume: ['driver'],
  azureFile: ['shareName', 'secretName'],
  vsphereVolume: ['volumePath'],
  photonPersistentDisk: ['pdID'],
  portworxVolume: ['volumeID'],
  azureDisk: ['diskName', 'diskURI'],
  scaleIO: ['gateway', 'system', 'volumeName'],
  local: ['path'],
  storageos: ['volumeName'],
  csi: ['driver', 'volumeHandle'],
};

const hostPathTypes = [
  '',
  'DirectoryOrCreate',
  'Directory',
  'FileOrCreate',
  'File',
  'Socket',
  'CharDevice',
  'BlockDevice',
];
const maxDriverLength = 63;

/** The sources that a spec has, by name. */
export function givenSources(spec: PersistentVolumeSpec): Record<string, unknown> {
  const record = spec as Record<string, unknown>;
  return Object.fromEntries(Object.keys(sources).flatMap((name) => (record[name] ? [[name, record[name]]] : [])));
}

export function validateSources(spec: PersistentVolumeSpec, field: string): FieldError[] {
  const given = Object.entries(givenSources(spec)) as [string, Record<string, unknown>][];
  if (given.length === 0) return [fieldRequired(field, 'must specify a volume type')];
  const [[name, source] = ['', {}], ...rest] = given;
  const here = `${field}.${name}`;
  return [
    ...(sources[name] ?? []).flatMap((part) => required(`${here}.${part}`, source[part])),
    ...validateParticular(spec, field, name),
    ...rest.map(([other]) => fieldForbidden(`${field}.${other}`, 'may not specify more than 1 volume type')),
  ];
}

function validateParticular(spec: PersistentVolumeSpec, field: string, name: string): FieldError[] {
  const { hostPath, local, csi, nfs } = spec;
  if (name === 'hostPath' && hostPath) {
    return [
      ...noBacksteps(`${field}.hostPath.path`, hostPath.path),
      ...oneOf(`${field}.hostPath.type`, hostPath.type, hostPathTypes),
    ];
  }
  if (name === 'local' && local) {
    const errors = noBacksteps(`${field}.local.path`, local.path);
    if (!spec.nodeAffinity) errors.push(fieldRequired(`${field}.nodeAffinity`, 'Local volume requires node affinity'));
    return errors;
  }
  if (name === 'nfs' && nfs?.path && !nfs.path.startsWith('/')) {
    return [fieldInvalid(`${field}.nfs.path`, nfs.path, 'must be an absolute path')];
  }
  if (name === 'csi' && csi) return validateCsi(csi, `${field}.csi`);
  return [];
}

function validateCsi(csi: NonNullable<PersistentVolumeSpec['csi']>, field: string): FieldError[] {
  const secrets = [
    'controllerPublishSecretRef',
    'controllerExpandSecretRef',
    'nodePublishSecretRef',
    'nodeExpandSecretRef',
  ] as const;
  return [
    ...validateDriverName(`${field}.driver`, csi.driver),
    ...secrets.flatMap((name) => {
      const secret = csi[name];
      if (!secret) return [];
      return [
        ...required(`${field}.${name}.name`, secret.name),
        ...required(`${field}.${name}.namespace`, secret.namespace),
      ];
    }),
  ];
}

/** Of CSI drivers, wherever one is named. Absence is not its business. */
export function validateDriverName(field: string, driver: string | undefined): FieldError[] {
  if (!driver) return [];
  if (driver.length > maxDriverLength) return [fieldTooLong(field, maxDriverLength)];
  return matches(field, driver.toLowerCase(), dns1123Subdomain);
}

function noBacksteps(field: string, path: string | undefined): FieldError[] {
  return path?.split('/').includes('..') ? [fieldInvalid(field, path, "must not contain '..'")] : [];
}
