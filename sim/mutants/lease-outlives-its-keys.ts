import { mutant } from './mutant.ts';

export default mutant(
  'lease-outlives-its-keys',
  'etcd: a lease that was revoked must be gone with its keys, not revived by the next renewal.',
  'store/lease-commands.ts',
  `  state.leases.remove(lease);
`,
  '',
);
