/**
 * Known ways to get consensus wrong, each as a small replacement in the production source. The simulator must find every one within
 * `withinSeeds` seeds; one that it does not find shows a blind spot.
 */
export interface Mutant {
  readonly name: string;
  readonly why: string;
  /** Relative to src/raft. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
  readonly withinSeeds: number;
}

export const mutants: readonly Mutant[] = [
  {
    name: 'commit-earlier-terms',
    why: 'Raft section 5.4.2, figure 8: entries of earlier terms must not be committed by counting',
    file: 'core/raft.ts',
    find: 'if (index <= this.log.committed || !this.log.matches(index, this.term)) return;',
    replace: 'if (index <= this.log.committed) return;',
    withinSeeds: 2_000,
  },
  {
    name: 'vote-not-synced',
    why: 'a vote that a crash forgets can be given twice',
    file: 'core/raft.ts',
    find: 'mustSync: promised || ',
    replace: 'mustSync: ',
    withinSeeds: 300,
  },
  {
    name: 'entries-not-synced',
    why: 'an acknowledged entry must survive a crash',
    file: 'core/raft.ts',
    find: ' || entries.length > 0 || snapshot !== undefined',
    replace: '',
    withinSeeds: 50,
  },
  {
    name: 'vote-for-anyone',
    why: 'one vote per term',
    file: 'core/raft.ts',
    find: 'this.vote === from || (this.vote === 0 && this.leaderId === 0)',
    replace: 'this.vote === from || this.leaderId === 0',
    withinSeeds: 100,
  },
  {
    name: 'vote-for-shorter-log',
    why: 'only a candidate that has everything committed may win',
    file: 'core/log.ts',
    find: '(lastTerm === ownTerm && lastIndex >= this.lastIndex())',
    replace: 'lastTerm === ownTerm',
    withinSeeds: 100,
  },
  {
    name: 'acknowledge-before-write',
    why: 'what is promised must be on disk first',
    file: 'core/raft.ts',
    find: '      this.#sendAfterWrite({ ...answer, index: last });',
    replace: '      this.#send({ ...answer, index: last });',
    withinSeeds: 100,
  },
  {
    name: 'read-without-round',
    why: 'a leader that was deposed without knowing must not answer reads',
    file: 'core/raft.ts',
    find: 'if (alone) this.#answerRead(request);',
    replace: 'if (alone || true) this.#answerRead(request);',
    withinSeeds: 200,
  },
  {
    name: 'read-before-own-commit',
    why: 'a new leader does not know yet what is committed',
    file: 'core/raft.ts',
    find: 'if (!this.committedInTerm) {',
    replace: 'if (false) {',
    withinSeeds: 300,
  },
  {
    name: 'repropose-too-early',
    why: 'an entry of the same term says nothing about what is still on its way',
    file: 'proposal-tracker.ts',
    find: 'this.#release((sent) => sent.term < term)',
    replace: 'this.#release((sent) => sent.term <= term)',
    withinSeeds: 50,
  },
  {
    name: 'refusal-of-an-earlier-life',
    why: 'found by this simulator: a refusal that came after a restart released another attempt, which was then proposed twice',
    file: 'node.ts',
    find: 'if (origin !== this.#options.origin) return;',
    replace: '',
    withinSeeds: 1_000,
  },
  {
    name: 'forward-in-any-term',
    why: 'a forward that comes late must not enter the log of a later term',
    file: 'node.ts',
    find: 'this.core.term === term',
    replace: 'this.core.term >= term',
    withinSeeds: 300,
  },
];
