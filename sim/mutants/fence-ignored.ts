import { mutant } from './mutant.ts';

export default mutant(
  'fence-ignored',
  "A write of a deposed leader's loop must not run in a later term.",
  'store/apply.ts',
  'if (command.fenceTerm !== undefined && command.fenceTerm !== term)',
  'if (command.fenceTerm !== undefined && term < 0)',
);
