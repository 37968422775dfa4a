/** storage.k8s.io/v1 VolumeAttachment. */
import type { FieldError } from '../../definition.ts';
import type { VolumeAttachment, VolumeError } from '../../generated/types/storage-v1.ts';
import { fieldForbidden, fieldInvalid, fieldRequired, fieldTooLong } from '../../meta/field-error.ts';
import { dns1123Subdomain } from '../../meta/names.ts';
import { ageColumn, column, nameColumn } from '../../table/column.ts';
import { immutable, matches, required, requiredName } from '../checks.ts';
import { defineKind, statusSubresource } from '../define.ts';
import { validateDriverName } from '../persistent-volume/validate-source.ts';
import { keepAllButStatus, keepStatus, typedStrategy } from '../strategy.ts';

const kind = { group: 'storage.k8s.io', version: 'v1', kind: 'VolumeAttachment' } as const;
const maxMetadataBytes = 256 * 1024;
const maxMessageBytes = 1024;

export const volumeAttachmentDefinition = defineKind({
  ...kind,
  resource: 'volumeattachments',
  namespaced: false,
  needsResourceVersion: true,
  subresources: [statusSubresource(kind)],
  allColumns: [
    nameColumn,
    column<VolumeAttachment>('Attacher', 'Whose volume it is.', ({ spec }) => spec?.attacher ?? '', { format: 'name' }),
    column<VolumeAttachment>('PV', 'Which volume.', ({ spec }) => spec?.source?.persistentVolumeName ?? ''),
    column<VolumeAttachment>('Node', 'To which node.', ({ spec }) => spec?.nodeName ?? ''),
    column<VolumeAttachment>('Attached', 'Whether it is.', ({ status }) => status?.attached ?? false, {
      type: 'boolean',
    }),
    ageColumn,
  ],
  strategy: typedStrategy<VolumeAttachment>({
    prepareForCreate(attachment) {
      attachment.status = { attached: false };
    },
    prepareForUpdate: keepStatus,
    prepareForStatusUpdate: keepAllButStatus,
    validate: ({ spec, status }) => [
      ...required('spec.attacher', spec?.attacher),
      ...validateSource(spec?.source ?? {}),
      ...requiredName('spec.nodeName', spec?.nodeName, dns1123Subdomain),
      ...validateStatus(status),
    ],
    validateCreate: ({ spec }) => [
      ...required('spec.attacher', spec?.attacher),
      ...validateDriverName('spec.attacher', spec?.attacher),
      ...matches('spec.source.persistentVolumeName', spec?.source?.persistentVolumeName, dns1123Subdomain),
    ],
    validateUpdate: ({ spec }, old) => immutable('spec', spec, old.spec),
    validateStatusUpdate: ({ status }) => validateStatus(status),
  }),
});

function validateSource(source: NonNullable<VolumeAttachment['spec']>['source']): FieldError[] {
  const { inlineVolumeSpec, persistentVolumeName } = source ?? {};
  const field = 'spec.source';
  const detail = 'must specify exactly one of inlineVolumeSpec and persistentVolumeName';
  if (!inlineVolumeSpec && persistentVolumeName === undefined) return [fieldRequired(field, detail)];
  if (inlineVolumeSpec && persistentVolumeName !== undefined) return [fieldForbidden(field, detail)];
  if (persistentVolumeName === '') {
    return [fieldRequired(`${field}.persistentVolumeName`, 'must specify non empty persistentVolumeName')];
  }
  if (!inlineVolumeSpec || inlineVolumeSpec.csi) return [];
  return [fieldRequired(`${field}.inlineVolumeSpec.csi`, 'has to be specified in the context of inline volumes')];
}

function validateStatus(status: VolumeAttachment['status']): FieldError[] {
  const entries = Object.entries(status?.attachmentMetadata ?? {});
  const bytes = entries.reduce((sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value), 0);
  return [
    ...(bytes > maxMetadataBytes ? [fieldTooLong('status.attachmentMetadata', maxMetadataBytes)] : []),
    ...validateError(status?.attachError, 'status.attachError'),
    ...validateError(status?.detachError, 'status.detachError'),
  ];
}

function validateError(error: VolumeError | undefined, field: string): FieldError[] {
  const { message = '', errorCode: code } = error ?? {};
  return [
    ...(Buffer.byteLength(message) > maxMessageBytes ? [fieldTooLong(`${field}.message`, maxMessageBytes)] : []),
    ...(code !== undefined && code < 0
      ? [fieldInvalid(`${field}.errorCode`, code, 'must be between 0 and 2147483647, inclusive')]
      : []),
  ];
}
