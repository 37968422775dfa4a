/** Whether a container that ended runs again: by the first of its own rules that fits, then its own policy, then the pod's. Pure. */
import type { Container } from '../../api/generated/types/core-v1.ts';

/** An init container without a policy of its own runs until it has succeeded, unless the pod never restarts anything. */
export function shouldRestart(
  container: Container,
  podPolicy: string | undefined,
  exitCode: number,
  kind: 'init' | 'regular' | 'ephemeral',
): boolean {
  if (kind === 'ephemeral') return false;
  if (container.restartPolicy !== undefined) {
    const rule = container.restartPolicyRules?.find(({ exitCodes }) => {
      const isNamed = exitCodes?.values?.includes(exitCode) === true;
      return exitCodes?.operator === 'In' ? isNamed : exitCodes?.operator === 'NotIn' && !isNamed;
    });
    if (rule?.action === 'Restart') return true;
  }
  const policy = container.restartPolicy ?? podPolicy ?? 'Always';
  if (policy === 'Never') return false;
  const isPlainInit = kind === 'init' && container.restartPolicy !== 'Always';
  return exitCode !== 0 || (policy === 'Always' && !isPlainInit);
}
