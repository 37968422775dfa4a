/** Just enough of label and field selectors for the fake client. */
import type { KubernetesObject } from '../../api/types.ts';

/** Splits at commas outside of parentheses. */
function splitRequirements(selector: string): string[] {
  return selector
    .split(/,(?![^(]*\))/)
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

function matchesRequirement(requirement: string, labels: Record<string, string>): boolean {
  const set = /^(\S+)\s+(in|notin)\s+\(([^)]*)\)$/.exec(requirement);
  if (set) {
    const values = set[3]!.split(',').map((value) => value.trim());
    const value = labels[set[1]!];
    return set[2] === 'in'
      ? value !== undefined && values.includes(value)
      : value === undefined || !values.includes(value);
  }
  const comparison = /^([^!=\s]+)\s*(!=|==|=)\s*(\S*)$/.exec(requirement);
  if (comparison) return (labels[comparison[1]!] === comparison[3]) === (comparison[2] !== '!=');
  return requirement.startsWith('!') ? labels[requirement.slice(1)] === undefined : labels[requirement] !== undefined;
}

export function matchesLabels(selector: string | undefined, object: KubernetesObject): boolean {
  const labels = object.metadata?.labels ?? {};
  return splitRequirements(selector ?? '').every((requirement) => matchesRequirement(requirement, labels));
}

function fieldOf(object: unknown, path: string): string {
  let value = object;
  for (const part of path.split('.')) value = (value as Record<string, unknown> | undefined)?.[part];
  return value === undefined || value === null ? '' : String(value);
}

export function matchesFields(selector: string | undefined, object: KubernetesObject): boolean {
  return splitRequirements(selector ?? '').every((requirement) => {
    const match = /^([^!=]+)(!=|==|=)(.*)$/.exec(requirement);
    if (!match) throw new Error(`fake client: field selector "${requirement}" is not understood`);
    return (fieldOf(object, match[1]!) === match[3]) === (match[2] !== '!=');
  });
}
