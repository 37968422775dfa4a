/** How cells show absent values, labels and containers. */
import type { Container } from '../generated/types/core-v1.ts';
import type { LabelSelector } from '../generated/types/meta-v1.ts';
import { formatLabelSelector, fromLabelSelector } from '../meta/label-selector.ts';

export const none = '<none>';
export const unknown = '<unknown>';
export const unset = '<unset>';

/** Joined with commas, `<none>` when there are none. */
export function joined(items: readonly string[] | undefined): string {
  return items && items.length > 0 ? items.join(',') : none;
}

/** `a=b,c=d`, sorted. */
export function formatLabels(labels: Readonly<Record<string, string>> | undefined): string {
  return joined(
    Object.entries(labels ?? {})
      .map(([key, value]) => `${key}=${value}`)
      .sort(),
  );
}

export function formatSelector(selector: LabelSelector | undefined): string {
  return formatLabelSelector(fromLabelSelector(selector) ?? []) || none;
}

export function containerNames(containers: readonly Container[] | undefined): string {
  return (containers ?? []).map((container) => container.name).join(',');
}

export function containerImages(containers: readonly Container[] | undefined): string {
  return (containers ?? []).map((container) => container.image ?? '').join(',');
}

export function count(object: object | undefined): number {
  return Object.keys(object ?? {}).length;
}

/** Of a boolean that may be absent. */
export function printedBoolean(value: boolean | undefined): string {
  return value === undefined ? unset : value ? 'True' : 'False';
}
