/** What a write brings along: an object of a caller in this process, or bytes off the wire, decoded after authorization. */
import type { FieldValidation } from '../api/codec/body.ts';
import type { TypedObject } from '../api/types.ts';

export type { FieldValidation };

export type Body =
  /** Not changed by the server. */
  | { readonly object: TypedObject }
  | {
      readonly bytes: Uint8Array;
      /** As sent; absent means JSON. */
      readonly contentType: string | undefined;
      readonly fieldValidation: FieldValidation;
    };

export interface WriteRequestOptions {
  readonly dryRun?: boolean | undefined;
  /** Who the written fields belong to; absent: as `userAgent` says. Required for apply. */
  readonly fieldManager?: string | undefined;
  /** As the client sent it. */
  readonly userAgent?: string | undefined;
  /** Of an apply: takes over what others own. */
  readonly force?: boolean | undefined;
}
