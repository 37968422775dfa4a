/** What a check of the Pod Security Standards is made of. */
import type { Container, EphemeralContainer, PodSpec } from '../generated/types/core-v1.ts';

export interface CheckedPod {
  readonly annotations: Readonly<Record<string, string>>;
  readonly spec: PodSpec;
}

export interface Violation {
  readonly reason: string;
  /** Empty: the reason says it all. */
  readonly detail: string;
}

export type CheckFunction = (pod: CheckedPod) => Violation | undefined;

export interface Check {
  readonly id: string;
  /** Since which minor of Kubernetes 1, oldest first. */
  readonly versions: readonly (readonly [since: number, check: CheckFunction])[];
  /** Of a restricted check: the baseline checks that it makes superfluous. */
  readonly overrides?: readonly string[] | undefined;
}

export type AnyContainer = Container | EphemeralContainer;

/** In upstream's order, which messages keep. */
export function containersOf({
  initContainers = [],
  containers = [],
  ephemeralContainers = [],
}: PodSpec): AnyContainer[] {
  return [...initContainers, ...containers, ...ephemeralContainers];
}

export function namesWhere(spec: PodSpec, holds: (container: AnyContainer) => boolean): string[] {
  return containersOf(spec)
    .filter(holds)
    .map(({ name }) => name);
}

export function plural(singular: string, many: string, count: number): string {
  return count === 1 ? singular : many;
}

/** `"a", "b"` */
export function quoted(items: Iterable<string>): string {
  const list = [...items];
  return list.length === 0 ? '' : `"${list.join('", "')}"`;
}

/** `container "a"`, `containers "a", "b"` */
export function theContainers(names: readonly string[]): string {
  return `${plural('container', 'containers', names.length)} ${quoted(names)}`;
}

/** Each once, in order. */
export function sorted(items: Iterable<string>): string[] {
  return [...new Set(items)].sort();
}

/** `pod and container "a"` */
export function setters(pod: boolean, names: readonly string[]): string {
  return [...(pod ? ['pod'] : []), ...(names.length > 0 ? [theContainers(names)] : [])].join(' and ');
}

export function isWindows({ os }: PodSpec): boolean {
  return os?.name === 'windows';
}

/** Root inside is nobody outside. */
export function hasOwnUsers({ hostUsers }: PodSpec): boolean {
  return hostUsers === false;
}
