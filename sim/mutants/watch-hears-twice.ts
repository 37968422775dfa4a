import { mutant } from './mutant.ts';

export default mutant(
  'watch-hears-twice',
  'Where history and live events meet, no event comes twice.',
  'store/watch-hub.ts',
  'if (batch.events[0]!.current.modRevision < nextRevision) {',
  'if (batch.events[0]!.current.modRevision < 0) {',
);
