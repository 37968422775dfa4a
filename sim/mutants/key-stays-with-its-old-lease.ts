import { mutant } from './mutant.ts';

export default mutant(
  'key-stays-with-its-old-lease',
  'A key that was put under another lease ends with that one only.',
  'store/lease-table.ts',
  'if (before?.leaseId !== undefined) this.#leases.get(before.leaseId)?.keys.delete(before.key);',
  '',
);
