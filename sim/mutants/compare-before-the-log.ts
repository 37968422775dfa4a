import type { Mutant } from './mutant.ts';

export default {
  name: 'compare-before-the-log',
  why: 'A transaction is decided where it stands in the log, not by what its replica saw when it was proposed (as in the race that made swarmkit and others overwrite newer objects).',
  patches: [
    {
      file: 'store/replicated-store.ts',
      find: "import type { StoreStateMachine } from './store-state-machine.ts';",
      replace:
        "import type { StoreStateMachine } from './store-state-machine.ts';\nimport { holds } from './compare.ts';",
    },
    {
      file: 'store/replicated-store.ts',
      find: "const { result } = await this.#propose('transaction', { transaction }, options);\n    return result;",
      replace: `const succeeded = transaction.compare.every((one) => holds(this.#machine.state, one));
    const success = succeeded ? transaction.success : (transaction.failure ?? []);
    const { result } = await this.#propose('transaction', { transaction: { compare: [], success } }, options);
    return { ...result, succeeded };`,
    },
  ],
} satisfies Mutant;
