/** What is audited, and how much of it: `audit.k8s.io/v1 Policy` (Kubernetes, "Auditing"). Pure. */
import { parse } from 'yaml';
import type { RequestInfo } from '../http/request-info.ts';
import type { UserInfo } from '../types.ts';

export const levels = ['None', 'Metadata', 'Request', 'RequestResponse'] as const;
export type Level = (typeof levels)[number];

export const stages = ['RequestReceived', 'ResponseStarted', 'ResponseComplete', 'Panic'] as const;
export type Stage = (typeof stages)[number];

export interface Decision {
  readonly level: Level;
  readonly omitStages: ReadonlySet<string>;
  readonly omitManagedFields: boolean;
}

interface GroupResources {
  readonly group?: string;
  readonly resources?: readonly string[];
  readonly resourceNames?: readonly string[];
}

interface Rule {
  readonly level: Level;
  readonly users?: readonly string[];
  readonly userGroups?: readonly string[];
  readonly verbs?: readonly string[];
  readonly resources?: readonly GroupResources[];
  readonly namespaces?: readonly string[];
  readonly nonResourceURLs?: readonly string[];
  readonly omitStages?: readonly string[];
  readonly omitManagedFields?: boolean;
}

export interface Policy {
  readonly rules: readonly Rule[];
  readonly omitStages?: readonly string[];
  readonly omitManagedFields?: boolean;
}

export class PolicyError extends Error {
  override readonly name = 'PolicyError';
}

/** @throws PolicyError that says what is wrong */
export function parsePolicy(text: string): Policy {
  let policy: Partial<Policy> & { apiVersion?: string; kind?: string };
  try {
    policy = parse(text) ?? {};
  } catch (cause) {
    throw new PolicyError(`the audit policy is no YAML: ${(cause as Error).message}`, { cause });
  }
  if (policy.kind !== 'Policy' || policy.apiVersion !== 'audit.k8s.io/v1') {
    throw new PolicyError('the audit policy must be of kind Policy, apiVersion audit.k8s.io/v1');
  }
  if (!Array.isArray(policy.rules) || policy.rules.length === 0) {
    throw new PolicyError('the audit policy has no rules: nothing would be audited');
  }
  policy.rules.forEach((rule: Rule, index) => {
    const where = `rules[${index}]`;
    if (!levels.includes(rule.level)) {
      throw new PolicyError(`${where}.level is ${JSON.stringify(rule.level)}; expected one of ${levels.join(', ')}`);
    }
    if (rule.nonResourceURLs?.length && (rule.resources?.length || rule.namespaces?.length)) {
      throw new PolicyError(`${where}: a rule is about resources or about nonResourceURLs, not about both`);
    }
    checkStages(rule.omitStages, `${where}.omitStages`);
  });
  checkStages(policy.omitStages, 'omitStages');
  return policy as Policy;
}

function checkStages(given: readonly string[] | undefined, where: string): void {
  const unknown = given?.find((stage) => !(stages as readonly string[]).includes(stage));
  if (unknown === undefined) return;
  throw new PolicyError(`${where} names ${JSON.stringify(unknown)}; expected ${stages.join(', ')}`);
}

/** The first rule that fits decides; what none fits is not audited. */
export function decide(policy: Policy, user: UserInfo, info: RequestInfo): Decision {
  const rule = policy.rules.find((one) => fits(one, user, info));
  return {
    level: rule?.level ?? 'None',
    omitStages: new Set([...(policy.omitStages ?? []), ...(rule?.omitStages ?? [])]),
    omitManagedFields: rule?.omitManagedFields ?? policy.omitManagedFields ?? false,
  };
}

function fits(rule: Rule, user: UserInfo, info: RequestInfo): boolean {
  if (rule.users?.length && !rule.users.includes(user.name)) return false;
  if (rule.userGroups?.length && !rule.userGroups.some((group) => user.groups.includes(group))) return false;
  if (rule.verbs?.length && !rule.verbs.includes(info.verb)) return false;
  if (info.kind === 'other') {
    if (rule.resources?.length || rule.namespaces?.length) return false;
    return !rule.nonResourceURLs?.length || rule.nonResourceURLs.some((url) => coversPath(url, info.path));
  }
  if (rule.nonResourceURLs?.length) return false;
  if (rule.namespaces?.length && !rule.namespaces.includes(info.namespace ?? '')) return false;
  if (!rule.resources?.length) return true;
  const { resource, subresource, name } = info;
  return rule.resources.some(({ group = '', resources = [], resourceNames = [] }) => {
    if (group !== resource.group) return false;
    if (resourceNames.length > 0 && !resourceNames.includes(name ?? '')) return false;
    return resources.length === 0 || resources.some((one) => coversResource(one, resource.resource, subresource));
  });
}

/** `pods`, `pods/log`, `pods/*`, `*`, `* /scale` (without the space). */
function coversResource(pattern: string, resource: string, subresource: string | undefined): boolean {
  if (pattern === '*') return true;
  const [wanted, sub] = pattern.split('/');
  if (sub === undefined) return wanted === resource && subresource === undefined;
  return (wanted === '*' || wanted === resource) && subresource !== undefined && (sub === '*' || sub === subresource);
}

function coversPath(pattern: string, path: string): boolean {
  if (pattern === '*' || pattern === path) return true;
  return pattern.endsWith('*') && path.startsWith(pattern.slice(0, -1));
}
