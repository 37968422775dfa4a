/** Label selectors, and field selectors over plain paths, for the fake client. */
import { parseLabelSelector, matchesLabels as requirementsMatch } from '../../api/meta/label-selector.ts';
import type { KubernetesObject } from '../../api/types.ts';

export function matchesLabels(selector: string | undefined, object: KubernetesObject): boolean {
  return selector === undefined || requirementsMatch(parseLabelSelector(selector), object.metadata?.labels);
}

function fieldOf(object: unknown, path: string): string {
  let value = object;
  for (const part of path.split('.')) value = (value as Record<string, unknown> | undefined)?.[part];
  return value === undefined || value === null ? '' : String(value);
}

export function matchesFields(selector: string | undefined, object: KubernetesObject): boolean {
  const requirements = (selector ?? '').split(',').filter((part) => part !== '');
  return requirements.every((requirement) => {
    const match = /^([^!=]+)(!=|==|=)(.*)$/.exec(requirement);
    if (!match) throw new Error(`fake client: field selector "${requirement}" is not understood`);
    return (fieldOf(object, match[1]!) === match[3]) === (match[2] !== '!=');
  });
}
