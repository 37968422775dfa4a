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
} from './check.ts';
