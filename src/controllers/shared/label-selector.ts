import type { LabelSelector } from '../../api/generated/types/meta-v1.ts';
import { selectorMatches } from '../../api/meta/label-selector.ts';

/**
 * As `selectorMatches`, but an empty selector selects nothing: a workload that would claim every pod of its namespace is an error.
 */
export function selects(
  selector: LabelSelector | undefined,
  labels: Readonly<Record<string, string>> | undefined,
): boolean {
  const { matchLabels = {}, matchExpressions = [] } = selector ?? {};
  return Object.keys(matchLabels).length + matchExpressions.length > 0 && selectorMatches(selector, labels);
}
