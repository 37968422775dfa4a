/** What sets a kind that a CustomResourceDefinition declares apart from a built-in one, for one of its versions. */
import type { FieldType } from '../managed-fields/field-type.ts';
import type { Decoded } from '../schema/decode.ts';
import type { Schema } from '../schema/schema.ts';
import type { KubernetesObject } from '../types.ts';
import type { StructuralSchema } from './schema/schema.ts';

/** From one version to another, in the order given. */
export type ConvertObjects = (
  objects: readonly KubernetesObject[],
  apiVersion: string,
) => Promise<readonly KubernetesObject[]>;

/** Paths of fields that say how many replicas there are. */
export interface ScalePaths {
  readonly specReplicas: readonly string[];
  readonly statusReplicas: readonly string[];
  /** To a label selector as text. */
  readonly labelSelector: readonly string[] | undefined;
}

export interface CustomKind {
  /** Of the CustomResourceDefinition. */
  readonly definitionName: string;
  readonly schema: StructuralSchema;
  /** The `apiVersion` in which objects are stored. */
  readonly storageVersion: string;
  /** Absent: versions differ in nothing but their name. */
  readonly convert?: ConvertObjects | undefined;
  readonly scale: ScalePaths | undefined;
  /** The CustomResourceDefinition is being deleted: nothing new is taken. */
  readonly terminating: boolean;
  /** Aborts when this version is no longer served, or not like this: what is under way ends. */
  readonly ended: AbortSignal;
  fieldType(): FieldType;
  /** As OpenAPI documents of that version show it. */
  openApi(version: 2 | 3): Schema;
  /** From parsed JSON; unknown fields are dropped and told. @throws DecodeError */
  decode(value: unknown): Decoded;
  /** What reading does to an object in this version: in place, drops what the schema does not know, and fills in defaults. */
  normalize(object: KubernetesObject): void;
}
