export { applyConfiguration, beforeFirstApply, managedFieldsOfApplied } from './apply-configuration.ts';
export { emptyFields, type FieldSet, hasPath, setOfPath, union } from './field-set.ts';
export {
  anyType,
  type FieldType,
  fieldTypeOfCustomResource,
  fieldTypeOfDefinition,
  fieldTypeOfSchema,
} from './field-type.ts';
export { kubectlManager, updateLastApplied } from './last-applied.ts';
export { decodeManagers, encodeManagers, isReset, type Manager, maxManagerNameLength } from './managers.ts';
export { managedFieldsOfNew, trackUpdate, type Writer } from './track-update.ts';
export { validateApplied } from './validate.ts';
export { sameValue } from './values.ts';
export type { Versions } from './versions.ts';
