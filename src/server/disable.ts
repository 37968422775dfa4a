/** `disable`: parts of the leader's work that somebody else does, such as the stock kube-scheduler and kube-controller-manager. */
import { controllerNames } from '../controllers/index.ts';

/** `controllers` means all of them, but what an API server does by itself. */
const groups = ['scheduler', 'controllers'] as const;

/** What is wrong with the names, or undefined. */
export function disableProblem(names: readonly string[]): string | undefined {
  if (!Array.isArray(names)) return 'must be a list of names';
  const known: readonly string[] = [...groups, ...controllerNames];
  const unknown = names.find((name) => !known.includes(name));
  return unknown === undefined
    ? undefined
    : `names ${JSON.stringify(unknown)}, which is none of ${[...known].sort().join(', ')}`;
}
