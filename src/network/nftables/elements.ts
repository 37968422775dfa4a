import type { NftSet } from './types.ts';

/** All of a set's elements, whosever they are. */
export function* elementsOf({ elements, parts }: NftSet): Generator<readonly [string, string]> {
  yield* elements;
  for (const part of parts?.values() ?? []) yield* part;
}
