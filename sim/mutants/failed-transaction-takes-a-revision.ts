import { mutant } from './mutant.ts';

export default mutant(
  'failed-transaction-takes-a-revision',
  'A transaction that writes nothing leaves the revision as it is.',
  'store/transaction.ts',
  'if (run.wrote) state.advance(run.revision);',
  'if (run.wrote || !decided.succeeded) state.advance(run.revision);',
);
