/** All mutants. A new one is a file of its own, named here. */
import acknowledgeBeforeWrite from './acknowledge-before-write.ts';
import answerOfAnotherProcess from './answer-of-another-process.ts';
import appendWithoutPreviousCheck from './append-without-previous-check.ts';
import applyWhileRestoring from './apply-while-restoring.ts';
import changeWithoutJoint from './change-without-joint.ts';
import checksumNotVerified from './checksum-not-verified.ts';
import commitAtSmallerHalf from './commit-at-smaller-half.ts';
import commitEarlierTerms from './commit-earlier-terms.ts';
import compactionTakesTheCurrent from './compaction-takes-the-current.ts';
import compareBeforeTheLog from './compare-before-the-log.ts';
import configurationCountsWhenCommitted from './configuration-counts-when-committed.ts';
import configurationNotRolledBack from './configuration-not-rolled-back.ts';
import cutOneTooMany from './cut-one-too-many.ts';
import entriesNotSynced from './entries-not-synced.ts';
import failedTransactionTakesARevision from './failed-transaction-takes-a-revision.ts';
import fenceIgnored from './fence-ignored.ts';
import forwardInAnyTerm from './forward-in-any-term.ts';
import heartbeatCommitsUnmatched from './heartbeat-commits-unmatched.ts';
import jointCommitByNewOnly from './joint-commit-by-new-only.ts';
import jointLeftEarly from './joint-left-early.ts';
import jointVoteByNewOnly from './joint-vote-by-new-only.ts';
import keyStaysWithItsOldLease from './key-stays-with-its-old-lease.ts';
import leaderCountsUnwrittenOwn from './leader-counts-unwritten-own.ts';
import learnerCounts from './learner-counts.ts';
import leaseOutlivesItsKeys from './lease-outlives-its-keys.ts';
import leaseTimeHalved from './lease-time-halved.ts';
import leavingLeaderGivesUp from './leaving-leader-gives-up.ts';
import markNotLowered from './mark-not-lowered.ts';
import misdirectedWriteBelieved from './misdirected-write-believed.ts';
import type { Mutant } from './mutant.ts';
import ownVoteBeforeDisk from './own-vote-before-disk.ts';
import readBeforeApply from './read-before-apply.ts';
import readBeforeOwnCommit from './read-before-own-commit.ts';
import readByLease from './read-by-lease.ts';
import readWithoutRound from './read-without-round.ts';
import refusalOfAnEarlierLife from './refusal-of-an-earlier-life.ts';
import renewalIgnoredAtExpiry from './renewal-ignored-at-expiry.ts';
import renewalNotOnTheClock from './renewal-not-on-the-clock.ts';
import replacedPacksStay from './replaced-packs-stay.ts';
import reproposeTooEarly from './repropose-too-early.ts';
import sentCountsAsAcknowledged from './sent-counts-as-acknowledged.ts';
import snapshotHidesOutcome from './snapshot-hides-outcome.ts';
import snapshotIndexBehindState from './snapshot-index-behind-state.ts';
import snapshotNameNotSynced from './snapshot-name-not-synced.ts';
import snapshotNotSynced from './snapshot-not-synced.ts';
import snapshotOverNewerLog from './snapshot-over-newer-log.ts';
import snapshotTermOfToday from './snapshot-term-of-today.ts';
import snapshotWithUncommittedConfiguration from './snapshot-with-uncommitted-configuration.ts';
import staleAppendTruncates from './stale-append-truncates.ts';
import twoChangesAtOnce from './two-changes-at-once.ts';
import unknownCalledRefused from './unknown-called-refused.ts';
import voteBeforeDisk from './vote-before-disk.ts';
import voteForAnyone from './vote-for-anyone.ts';
import voteForShorterLog from './vote-for-shorter-log.ts';
import voteNotStored from './vote-not-stored.ts';
import voteNotSynced from './vote-not-synced.ts';
import voteWithoutLogCheck from './vote-without-log-check.ts';
import votesOfHalf from './votes-of-half.ts';
import watchHearsTwice from './watch-hears-twice.ts';
import watchMissesASnapshot from './watch-misses-a-snapshot.ts';
import watchOverCompaction from './watch-over-compaction.ts';
import watchSurvivesCancel from './watch-survives-cancel.ts';

export const mutants: readonly Mutant[] = [
  voteNotSynced,
  voteNotStored,
  voteBeforeDisk,
  voteForAnyone,
  voteForShorterLog,
  voteWithoutLogCheck,
  ownVoteBeforeDisk,
  votesOfHalf,
  entriesNotSynced,
  acknowledgeBeforeWrite,
  commitEarlierTerms,
  commitAtSmallerHalf,
  staleAppendTruncates,
  heartbeatCommitsUnmatched,
  sentCountsAsAcknowledged,
  appendWithoutPreviousCheck,
  leaderCountsUnwrittenOwn,
  readWithoutRound,
  readByLease,
  readBeforeOwnCommit,
  readBeforeApply,
  jointCommitByNewOnly,
  jointVoteByNewOnly,
  jointLeftEarly,
  learnerCounts,
  configurationNotRolledBack,
  twoChangesAtOnce,
  changeWithoutJoint,
  configurationCountsWhenCommitted,
  leavingLeaderGivesUp,
  snapshotOverNewerLog,
  snapshotTermOfToday,
  snapshotWithUncommittedConfiguration,
  snapshotIndexBehindState,
  applyWhileRestoring,
  snapshotNotSynced,
  snapshotNameNotSynced,
  reproposeTooEarly,
  refusalOfAnEarlierLife,
  forwardInAnyTerm,
  unknownCalledRefused,
  snapshotHidesOutcome,
  answerOfAnotherProcess,
  checksumNotVerified,
  misdirectedWriteBelieved,
  replacedPacksStay,
  cutOneTooMany,
  markNotLowered,
  fenceIgnored,
  failedTransactionTakesARevision,
  compactionTakesTheCurrent,
  watchSurvivesCancel,
  watchOverCompaction,
  watchHearsTwice,
  watchMissesASnapshot,
  leaseOutlivesItsKeys,
  renewalIgnoredAtExpiry,
  renewalNotOnTheClock,
  leaseTimeHalved,
  keyStaysWithItsOldLease,
  compareBeforeTheLog,
];
