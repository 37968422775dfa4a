/** Which FlowSchema a request falls under. Pure. (Kubernetes, "API Priority and Fairness") */

import type { RequestInfo, ResourceRequestInfo } from '../http/request-info.ts';
import type { UserInfo } from '../types.ts';
import type {
  FlowSchema,
  NonResourcePolicyRule,
  ResourcePolicyRule,
  FlowcontrolV1Subject as Subject,
} from './types.ts';

const any = '*';
const accountPrefix = 'system:serviceaccount:';

/** In the order in which they are tried. */
export function inOrder(schemas: Iterable<FlowSchema>): FlowSchema[] {
  const precedence = ({ spec }: FlowSchema) => spec?.matchingPrecedence ?? 0;
  return [...schemas].sort((a, b) => precedence(a) - precedence(b) || (nameOf(a) < nameOf(b) ? -1 : 1));
}

function nameOf({ metadata }: FlowSchema): string {
  return metadata?.name ?? '';
}

export function matches({ spec }: FlowSchema, user: UserInfo, info: RequestInfo): boolean {
  return (spec?.rules ?? []).some(({ subjects, resourceRules = [], nonResourceRules = [] }) => {
    const covered =
      info.kind === 'resource'
        ? resourceRules.some((rule) => coversResource(rule, info))
        : nonResourceRules.some((rule) => coversPath(rule, info));
    return covered && subjects.some((subject) => isSubject(subject, user));
  });
}

function isSubject({ kind, user: byName, group, serviceAccount }: Subject, user: UserInfo): boolean {
  switch (kind) {
    case 'User':
      return byName?.name === any || byName?.name === user.name;
    case 'Group':
      return group?.name === any || (group !== undefined && user.groups.includes(group.name));
    case 'ServiceAccount': {
      if (!serviceAccount) return false;
      const prefix = `${accountPrefix}${serviceAccount.namespace}:`;
      return serviceAccount.name === any
        ? user.name.startsWith(prefix)
        : user.name === `${prefix}${serviceAccount.name}`;
    }
    default:
      return false;
  }
}

function has(list: readonly string[] | undefined, value: string): boolean {
  return list !== undefined && (list.includes(any) || list.includes(value));
}

function coversResource(rule: ResourcePolicyRule, info: ResourceRequestInfo): boolean {
  const { resource, subresource, namespace, verb } = info;
  const full = subresource === undefined ? resource.resource : `${resource.resource}/${subresource}`;
  if (!has(rule.verbs, verb) || !has(rule.apiGroups, resource.group) || !has(rule.resources, full)) return false;
  return namespace ? has(rule.namespaces, namespace) : rule.clusterScope === true;
}

function coversPath(rule: NonResourcePolicyRule, { verb, path }: { verb: string; path: string }): boolean {
  if (!has(rule.verbs, verb)) return false;
  return rule.nonResourceURLs.some(
    (url) => url === any || url === path || (url.endsWith('/*') && path.startsWith(url.slice(0, -1))),
  );
}

/** What makes requests of one schema different flows. */
export function distinguisher({ spec }: FlowSchema, user: UserInfo, info: RequestInfo): string {
  switch (spec?.distinguisherMethod?.type) {
    case 'ByUser':
      return user.name;
    case 'ByNamespace':
      return info.kind === 'resource' ? (info.namespace ?? '') : '';
    default:
      return '';
  }
}
