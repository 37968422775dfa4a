/**
 * The Pod Security Standards that a namespace asks for by its labels (Kubernetes, "PodSecurity"): pods that violate what is enforced are refused; workloads,
 * whose pods would be, only hear of it.
 */

import type { Pod, PodSpec, PodTemplateSpec } from '../../api/generated/types/core-v1.ts';
import type { ObjectMeta } from '../../api/generated/types/meta-v1.ts';
import { invalid } from '../../api/meta/field-error.ts';
import { describeReasons, describeViolations, violations } from '../../api/pod-security/evaluate.ts';
import {
  compareLevels,
  formatLevel,
  isFullyPrivileged,
  type LevelVersion,
  type PodSecurityPolicy,
  policyOf,
} from '../../api/pod-security/policy.ts';
import { type KubernetesObject, resources } from '../../api/types.ts';
import type { Store } from '../../store/types.ts';
import { forbidden } from '../errors.ts';
import { namespaceOf } from './matching/selectors.ts';
import { isAbout } from './scope.ts';
import { objectsOf } from './stored-objects.ts';
import type { AdmissionPlugin, AdmissionRequest, AdmissionScope } from './types.ts';

const annotationDomain = 'pod-security.kubernetes.io';
/** Of a namespace that becomes stricter. */
const maxExistingPods = 3_000;
const ignoredSubresources = new Set(['exec', 'attach', 'binding', 'eviction', 'log', 'portforward', 'proxy', 'status']);
const namespaces = resources.namespaces;

type Template = { readonly metadata?: ObjectMeta | undefined; readonly spec?: PodSpec | undefined };

/** Where each kind keeps what its pods are made of. */
const templates: Readonly<Record<string, (object: KubernetesObject) => Template | undefined>> = {
  '/replicationcontrollers': inSpec,
  '/podtemplates': (object) => (object as { template?: PodTemplateSpec }).template,
  'apps/deployments': inSpec,
  'apps/replicasets': inSpec,
  'apps/statefulsets': inSpec,
  'apps/daemonsets': inSpec,
  'batch/jobs': inSpec,
  'batch/cronjobs': (object) =>
    (object.spec as { jobTemplate?: { spec?: { template?: PodTemplateSpec } } } | undefined)?.jobTemplate?.spec
      ?.template,
};

function inSpec(object: KubernetesObject): Template | undefined {
  return (object.spec as { template?: PodTemplateSpec } | undefined)?.template;
}

export function podSecurity(store: Pick<Store, 'get' | 'range'>): AdmissionPlugin {
  return {
    name: 'PodSecurity',
    handles: isConcerned,
    validate(request) {
      if (isAbout(request, namespaces)) return judgeNamespace(store, request);
      const { labels } = namespaceOf(store, request.namespace ?? '').metadata ?? {};
      if (!labels) return;
      const { policy, errors } = policyOf(labels);
      if (errors.length === 0 && isFullyPrivileged(policy)) return;
      if (errors.length > 0) {
        const told = errors.map(({ field, message }) => `${field}: ${message}`).join(', ');
        request.annotate?.(`${annotationDomain}/error`, `Failed to parse policy: ${told}`);
      }
      if (!isAbout(request, resources.pods)) return judgeWorkload(request, policy);
      const pod = request.object as Pod;
      if (request.operation === 'UPDATE' && !isSignificant(pod, request.oldObject as Pod)) return;
      judge(request, policy, pod, true);
    },
  };
}

function isConcerned(scope: AdmissionScope): boolean {
  const { definition, operation, subresource } = scope;
  if (operation !== 'CREATE' && operation !== 'UPDATE') return false;
  if (isAbout(scope, resources.pods)) return subresource === undefined || !ignoredSubresources.has(subresource);
  if (subresource !== undefined) return false;
  return isAbout(scope, namespaces) || Object.hasOwn(templates, `${definition.group}/${definition.resource}`);
}

function judgeWorkload(request: AdmissionRequest, policy: PodSecurityPolicy): void {
  const { definition, object } = request;
  const template = object && templates[`${definition.group}/${definition.resource}`]?.(object);
  if (template?.spec) judge(request, policy, template, false);
}

function judge(request: AdmissionRequest, policy: PodSecurityPolicy, pod: Template, enforces: boolean): void {
  const { metadata, spec } = pod;
  if (!spec) return;
  const known = new Map<string, ReturnType<typeof violations>>();
  const find = (level: LevelVersion) => {
    const key = formatLevel(level);
    const found = known.get(key) ?? violations(level, metadata, spec);
    known.set(key, found);
    return { key, found };
  };
  const audit = find(policy.audit);
  if (enforces) request.annotate?.(`${annotationDomain}/enforce-policy`, formatLevel(policy.enforce));
  if (audit.found.length > 0) {
    const told = `would violate PodSecurity "${audit.key}": ${describeViolations(audit.found)}`;
    request.annotate?.(`${annotationDomain}/audit-violations`, told);
  }
  if (enforces) {
    const { key, found } = find(policy.enforce);
    if (found.length > 0) {
      const why = `violates PodSecurity "${key}": ${describeViolations(found)}`;
      throw forbidden(request.definition, request.name, why);
    }
  }
  const warn = find(policy.warn);
  if (warn.found.length > 0) {
    request.warn?.(`would violate PodSecurity "${warn.key}": ${describeViolations(warn.found)}`);
  }
}

/** Nothing else that is judged can change in a pod. */
function isSignificant({ spec }: Pod, { spec: old }: Pod): boolean {
  const images = (list: readonly { readonly name: string; readonly image?: string | undefined }[] = []) =>
    list.map(({ image }) => image);
  const differ = (a: readonly unknown[], b: readonly unknown[]) => JSON.stringify(a) !== JSON.stringify(b);
  if (differ(images(spec?.containers), images(old?.containers))) return true;
  if (differ(images(spec?.initContainers), images(old?.initContainers))) return true;
  return (spec?.ephemeralContainers ?? []).some(
    ({ name, image }) => old?.ephemeralContainers?.find((one) => one.name === name)?.image !== image,
  );
}

/** Labels must be readable; who makes a namespace stricter hears which of its pods would not be let in any more. */
function judgeNamespace(store: Pick<Store, 'range'>, request: AdmissionRequest): void {
  const { object, oldObject, name } = request;
  const { policy, errors } = policyOf(object?.metadata?.labels);
  const before = policyOf(oldObject?.metadata?.labels);
  const isNew = !oldObject || JSON.stringify(errors) !== JSON.stringify(before.errors);
  if (errors.length > 0 && isNew) throw invalid({ group: '', kind: 'Namespace' }, name, [...errors]);
  if (!oldObject) return;
  const [now, then] = [policy.enforce, before.policy.enforce];
  if (now.level === 'privileged') return;
  if (now.version === then.version && compareLevels(now.level, then.level) <= 0) return;
  for (const warning of existingViolations(store, name, now)) request.warn?.(warning);
}

function existingViolations(store: Pick<Store, 'range'>, namespace: string, level: LevelVersion): string[] {
  const pods = objectsOf(store, resources.pods, namespace) as readonly Pod[];
  const byReasons = new Map<string, string[]>();
  for (const { metadata, spec } of pods.slice(0, maxExistingPods)) {
    const found = spec ? violations(level, metadata, spec) : [];
    if (found.length === 0) continue;
    const reasons = describeReasons(found);
    byReasons.set(reasons, [...(byReasons.get(reasons) ?? []), metadata?.name ?? '']);
  }
  const warnings: string[] = [];
  if (pods.length > maxExistingPods) {
    const part = `the first ${maxExistingPods} of ${pods.length} existing pods`;
    warnings.push(`new PodSecurity enforce level only checked against ${part}`);
  }
  if (byReasons.size > 0) {
    const enforced = formatLevel(level);
    warnings.push(`existing pods in namespace "${namespace}" violate the new PodSecurity enforce level "${enforced}"`);
  }
  const told = [...byReasons].map(([reasons, names]) => `${countOf(names)}: ${reasons}`);
  return [...warnings, ...told.sort()];
}

function countOf(names: readonly string[]): string {
  const [first, ...others] = [...names].sort();
  if (others.length === 0) return first!;
  return `${first} (and ${others.length} other ${others.length === 1 ? 'pod' : 'pods'})`;
}
