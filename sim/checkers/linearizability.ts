/** The checker lies in src/lib, because it judges histories of real processes too (`trimast chaos run`); change it there. */
export {
  type Compare,
  checkLinearizability,
  describe,
  type Input,
  keysOf,
  type LinearizabilityOptions,
  type Operation,
  type Output,
  type Step,
  type TransactionInput,
  type Value,
  type Verdict,
} from '../../src/lib/linearizability/check.ts';
