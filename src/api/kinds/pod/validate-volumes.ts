/** Volumes of a pod or template. */
import type { FieldError } from '../../definition.ts';
import type { KeyToPath, Volume } from '../../generated/types/core-v1.ts';
import { fieldForbidden, fieldInvalid, fieldRequired } from '../../meta/field-error.ts';
import { dns1123Label } from '../../meta/names.ts';
import { parseQuantity } from '../../meta/quantity.ts';
import { each, inRange, oneOf, required, requiredName, unique } from '../checks.ts';
import { localPath } from './validate-containers.ts';

const maxMode = 0o777;
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

export function validateVolumes(volumes: readonly Volume[] | undefined, field: string): FieldError[] {
  return [
    ...unique(
      volumes,
      (volume) => volume.name,
      (index) => `${field}[${index}].name`,
    ),
    ...each(field, volumes, (volume, here) => [
      ...requiredName(`${here}.name`, volume.name, dns1123Label),
      ...validateSource(volume, here),
    ]),
  ];
}

function validateSource(volume: Volume, field: string): FieldError[] {
  const given = Object.keys(volume).filter((name) => name !== 'name');
  if (given.length === 0) return [fieldRequired(field, 'must specify a volume type')];
  const errors = given
    .slice(1)
    .map((name) => fieldForbidden(`${field}.${name}`, 'may not specify more than 1 volume type'));
  const { emptyDir, hostPath, configMap, secret, persistentVolumeClaim, nfs, downwardAPI, projected } = volume;
  if (emptyDir?.sizeLimit !== undefined && parseQuantity(String(emptyDir.sizeLimit)).nanos < 0n) {
    errors.push(fieldForbidden(`${field}.emptyDir.sizeLimit`, 'SizeLimit field must be a valid resource quantity'));
  }
  if (hostPath) {
    errors.push(...required(`${field}.hostPath.path`, hostPath.path));
    if (hostPath.path?.split('/').includes('..')) {
      errors.push(fieldInvalid(`${field}.hostPath.path`, hostPath.path, "must not contain '..'"));
    }
    errors.push(...oneOf(`${field}.hostPath.type`, hostPath.type, hostPathTypes));
  }
  if (configMap) {
    const here = `${field}.configMap`;
    errors.push(...required(`${here}.name`, configMap.name), ...validateFiles(configMap, here));
  }
  if (secret) {
    const here = `${field}.secret`;
    errors.push(...required(`${here}.secretName`, secret.secretName), ...validateFiles(secret, here));
  }
  if (persistentVolumeClaim) {
    errors.push(...required(`${field}.persistentVolumeClaim.claimName`, persistentVolumeClaim.claimName));
  }
  if (nfs) errors.push(...required(`${field}.nfs.server`, nfs.server), ...required(`${field}.nfs.path`, nfs.path));
  if (downwardAPI) {
    errors.push(
      ...each(`${field}.downwardAPI.items`, downwardAPI.items, (item, here) => [
        ...required(`${here}.path`, item.path),
        ...localPath(`${here}.path`, item.path),
      ]),
    );
  }
  if (projected) errors.push(...inRange(`${field}.projected.defaultMode`, projected.defaultMode, 0, maxMode));
  return errors;
}

function validateFiles(
  source: { defaultMode?: number | undefined; items?: KeyToPath[] | undefined },
  field: string,
): FieldError[] {
  return [
    ...inRange(`${field}.defaultMode`, source.defaultMode, 0, maxMode),
    ...each(`${field}.items`, source.items, (item, here) => [
      ...required(`${here}.key`, item.key),
      ...required(`${here}.path`, item.path),
      ...localPath(`${here}.path`, item.path),
      ...inRange(`${here}.mode`, item.mode, 0, maxMode),
    ]),
  ];
}
