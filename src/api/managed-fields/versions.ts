/** The versions of one kind, each with its schema, and the way between them: managers may speak different ones. */
import type { KubernetesObject } from '../types.ts';
import type { FieldType } from './field-type.ts';

export interface VersionedObject {
  readonly object: KubernetesObject;
  readonly type: FieldType;
}

export interface Versions {
  /** The object in the version of the request. Given in the form in which it is stored. */
  current(stored: KubernetesObject): VersionedObject;
  /** In another version; undefined when the kind is not served in it. */
  convert(stored: KubernetesObject, apiVersion: string): VersionedObject | undefined;
  /** Back from `current`'s version, or that of a conversion. */
  toStored(object: KubernetesObject, apiVersion: string): KubernetesObject;
}
