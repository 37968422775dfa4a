/** PUT or PATCH of `pods/NAME/resize`: other amounts of CPU and memory for containers that exist; everything else stays. */
import type { FieldError } from '../../definition.ts';
import type { Container, Pod, ResourceRequirements } from '../../generated/types/core-v1.ts';
import { fieldForbidden, fieldInvalid } from '../../meta/field-error.ts';
import { keepAllButStatus, keepField, moveGeneration, sameJson } from '../strategy.ts';
import { qosClass } from './qos.ts';
import { validatePod } from './validate.ts';

const mirrorAnnotation = 'kubernetes.io/config.mirror';
const onlyAmounts = 'only cpu and memory resources are mutable';

type Lists = 'containers' | 'initContainers';

/** In place. Containers that are not those of the pod stay as they were sent, for {@link validateResize} to refuse. */
export function prepareResize(pod: Pod, old: Pod): void {
  const { spec } = pod;
  const wanted = { containers: spec?.containers, initContainers: spec?.initContainers };
  const { labels, annotations } = old.metadata ?? {};
  keepAllButStatus(pod, old);
  keepField(pod, old, 'status');
  pod.metadata = { ...pod.metadata, labels, annotations };
  pod.spec = { ...old.spec, containers: mergeAmounts(wanted.containers, old.spec?.containers) ?? [] };
  const initContainers = mergeAmounts(wanted.initContainers, old.spec?.initContainers);
  if (initContainers) pod.spec.initContainers = initContainers;
  moveGeneration(pod, old);
}

function mergeAmounts(wanted: Container[] | undefined, old: Container[] | undefined): Container[] | undefined {
  if (!wanted || !old || !sameNames(wanted, old)) return wanted;
  return old.map((container, i) => {
    const { resources, resizePolicy } = wanted[i]!;
    const { resources: _, resizePolicy: __, ...rest } = container;
    return { ...rest, ...(resources && { resources }), ...(resizePolicy && { resizePolicy }) };
  });
}

function sameNames(a: readonly Container[], b: readonly Container[]): boolean {
  return a.length === b.length && a.every(({ name }, i) => name === b[i]?.name);
}

export function validateResize(pod: Pod, old: Pod): FieldError[] {
  if (!pod.spec || !old.spec) return [];
  if (old.metadata?.annotations?.[mirrorAnnotation] !== undefined) {
    return [fieldForbidden('', 'static pods cannot be resized')];
  }
  if (old.spec.os?.name === 'windows') return [fieldForbidden('', 'windows pods cannot be resized')];
  const errors = validatePod(pod);
  if (errors.length === 0 && qosClass(pod) !== (old.status?.qosClass ?? qosClass(old))) {
    const detail = 'Pod QOS Class may not change as a result of resizing';
    errors.push(fieldInvalid('spec', old.status?.qosClass ?? '', detail));
  }
  const running = old.status?.containerStatuses?.find(({ state }) => state?.running);
  if (running && !running.resources) {
    errors.push(fieldForbidden('spec', 'Pod running on node without support for resize'));
  }
  if (hasAmounts(pod.spec.resources) || hasAmounts(old.spec.resources)) {
    const why =
      'resize of pods with pod-level resources is forbidden when InPlacePodLevelResourcesVerticalScalingEnabled feature gate is disabled';
    return [...errors, fieldForbidden('', why)];
  }
  for (const list of ['initContainers', 'containers'] as const) {
    const order = validateOrder(pod, old, list);
    if (order.length > 0) return [...errors, ...order];
  }
  for (const list of ['initContainers', 'containers'] as const) errors.push(...validateList(pod, old, list));
  return errors;
}

function hasAmounts(resources: ResourceRequirements | undefined): boolean {
  return Object.keys({ ...resources?.requests, ...resources?.limits }).length > 0;
}

function validateOrder(pod: Pod, old: Pod, list: Lists): FieldError[] {
  const [now, before] = [pod.spec?.[list] ?? [], old.spec?.[list] ?? []];
  if (now.length !== before.length) {
    return [fieldForbidden(`spec.${list}`, `${list} may not be added or removed on resize`)];
  }
  return now.flatMap(({ name }, i) => {
    if (name === before[i]?.name) return [];
    return [fieldForbidden(`spec.${list}[${i}].name`, `${list} may not be renamed or reordered on resize`)];
  });
}

function validateList(pod: Pod, old: Pod, list: Lists): FieldError[] {
  return (pod.spec?.[list] ?? []).flatMap((container, i) => {
    const before = old.spec![list]![i]!;
    const isSidecar = list === 'initContainers' && container.restartPolicy === 'Always';
    if (list === 'initContainers' && !isSidecar) {
      if (sameJson(container, before)) return [];
      return [fieldForbidden('spec', 'resources for non-sidecar init containers are immutable')];
    }
    const errors = (['requests', 'limits'] as const).flatMap((amounts) => {
      const now = container.resources?.[amounts] ?? {};
      const removed = Object.keys(before.resources?.[amounts] ?? {}).some((name) => now[name] === undefined);
      const why = `resource ${amounts} cannot be removed`;
      return removed ? [fieldForbidden(`spec.${list}[${i}].resources.${amounts}`, why)] : [];
    });
    if (sameJson(otherAmounts(container), otherAmounts(before))) return errors;
    return [
      ...errors,
      fieldForbidden('spec', isSidecar ? `${onlyAmounts.replace(' are', ' for sidecar containers are')}` : onlyAmounts),
    ];
  });
}

/** The container without what a resize may change. */
function otherAmounts({ resources, resizePolicy: _, ...rest }: Container): object {
  const other = (list: Readonly<Record<string, string | number>> | undefined) =>
    Object.fromEntries(Object.entries(list ?? {}).filter(([name]) => name !== 'cpu' && name !== 'memory'));
  return { ...rest, requests: other(resources?.requests), limits: other(resources?.limits) };
}
