import { mutant } from './mutant.ts';

export default mutant(
  'lease-time-halved',
  'A replica that takes over must not count from before it knew.',
  'store/lease-clock.ts',
  'const atMs = nowMs + lease.remainingMs;',
  'const atMs = nowMs + lease.remainingMs / 2;',
);
