import { mutant } from './mutant.ts';

export default mutant(
  'renewal-ignored-at-expiry',
  'A lease that was renewed before its end stood in the log lives on: its holder was told so.',
  'store/lease-commands.ts',
  `        // Renewed before this stood in the log: then whoever renewed it was told that it lives.
        if (lease?.renewals !== renewals) continue;`,
  '        if (!lease) continue;',
);
