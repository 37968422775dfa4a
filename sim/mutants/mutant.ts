import type { Patch } from '../runtime/hooks.ts';

/**
 * A known way to get this wrong, as a small change of production source that is applied alone. One that the simulator does not find shows a
 * blind spot.
 */
export interface Mutant {
  readonly name: string;
  /** What the rule is, and who broke it. */
  readonly why: string;
  readonly patches: readonly Patch[];
}

/** The usual case: one place in one file. */
export function mutant(name: string, why: string, file: string, find: string, replace: string): Mutant {
  return { name, why, patches: [{ file, find, replace }] };
}
