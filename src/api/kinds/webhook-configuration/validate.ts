/** Webhooks, and what admission policies have in common with them. */
import { admissionEnvironment, boolType } from '../../cel/admission.ts';
import type { FieldError } from '../../definition.ts';
import type {
  MatchCondition,
  MutatingWebhook,
  RuleWithOperations,
  WebhookClientConfig,
} from '../../generated/types/admissionregistration-v1.ts';
import { fieldInvalid, fieldRequired } from '../../meta/field-error.ts';
import { validateLabelSelector } from '../../meta/label-selector.ts';
import { dns1035Label, dns1123Subdomain, validQualifiedName } from '../../meta/names.ts';
import { atMost, each, matches, oneOf, portNumber, required, requiredName, unique } from '../checks.ts';
import { validateExpression } from '../expressions.ts';

const reviewVersions = ['v1', 'v1beta1'];
const operations = ['*', 'CONNECT', 'CREATE', 'DELETE', 'UPDATE'];
const maxTimeoutSeconds = 30;
const maxMatchConditions = 64;

export function validateWebhook(webhook: MutatingWebhook, field: string): FieldError[] {
  const { name, timeoutSeconds, sideEffects, clientConfig, rules } = webhook;
  const timeout = timeoutSeconds ?? 1;
  return [
    ...fullyQualifiedName(`${field}.name`, name),
    ...validateReviewVersions(webhook.admissionReviewVersions ?? [], `${field}.admissionReviewVersions`),
    ...each(`${field}.rules`, rules, validateRule),
    ...oneOf(`${field}.failurePolicy`, webhook.failurePolicy, ['Fail', 'Ignore']),
    ...oneOf(`${field}.matchPolicy`, webhook.matchPolicy, ['Equivalent', 'Exact']),
    ...(sideEffects
      ? oneOf(`${field}.sideEffects`, sideEffects, ['None', 'NoneOnDryRun'])
      : [fieldRequired(`${field}.sideEffects`, 'must specify one of None, NoneOnDryRun')]),
    ...oneOf(`${field}.reinvocationPolicy`, webhook.reinvocationPolicy, ['IfNeeded', 'Never']),
    ...(timeout < 1 || timeout > maxTimeoutSeconds
      ? [
          fieldInvalid(
            `${field}.timeoutSeconds`,
            timeout,
            `the timeout value must be between 1 and ${maxTimeoutSeconds} seconds`,
          ),
        ]
      : []),
    ...(webhook.namespaceSelector
      ? validateLabelSelector(webhook.namespaceSelector, `${field}.namespaceSelector`)
      : []),
    ...(webhook.objectSelector ? validateLabelSelector(webhook.objectSelector, `${field}.objectSelector`) : []),
    ...validateClientConfig(clientConfig, `${field}.clientConfig`),
    ...validateMatchConditions(webhook.matchConditions, `${field}.matchConditions`),
  ];
}

function fullyQualifiedName(field: string, name: string | undefined): FieldError[] {
  if (!name) return [fieldRequired(field)];
  const errors = matches(field, name, dns1123Subdomain);
  if (errors.length > 0 || name.split('.').length >= 3) return errors;
  return [fieldInvalid(field, name, 'should be a domain with at least three segments separated by dots')];
}

function validateReviewVersions(versions: readonly string[], field: string): FieldError[] {
  const known = reviewVersions.join(', ');
  if (versions.length === 0) return [fieldRequired(field, `must specify one of ${known}`)];
  const errors = versions.flatMap((version, index) => {
    const here = `${field}[${index}]`;
    if (versions.indexOf(version) < index) return [fieldInvalid(here, version, 'duplicate version')];
    return matches(here, version, dns1035Label);
  });
  if (versions.some((version) => reviewVersions.includes(version))) return errors;
  return [...errors, fieldInvalid(field, versions, `must include at least one of ${known}`)];
}

/** `*` stands for all, and so alone. */
function wildcard(field: string, items: readonly string[] | undefined, what: string): FieldError[] {
  const list = items ?? [];
  if (list.length === 0) return [fieldRequired(field)];
  if (list.length > 1 && list.includes('*')) {
    return [fieldInvalid(field, list, `if '*' is present, must not specify other ${what}`)];
  }
  return [];
}

export function validateRule(rule: RuleWithOperations, field: string): FieldError[] {
  return [
    ...wildcard(`${field}.operations`, rule.operations, 'operations'),
    ...each(`${field}.operations`, rule.operations, (operation, here) => oneOf(here, operation, operations)),
    ...wildcard(`${field}.apiGroups`, rule.apiGroups, 'API groups'),
    ...wildcard(`${field}.apiVersions`, rule.apiVersions, 'API versions'),
    ...each(`${field}.apiVersions`, rule.apiVersions, (version, here) => required(here, version)),
    ...validateResources(rule.resources ?? [], `${field}.resources`),
    ...oneOf(`${field}.scope`, rule.scope, ['*', 'Cluster', 'Namespaced']),
  ];
}

// Such as pods, pods/status, pods/* or a star for either part; none that another one covers.
function validateResources(resources: readonly string[], field: string): FieldError[] {
  if (resources.length === 0) return [fieldRequired(field)];
  const errors: FieldError[] = [];
  const all = new Set(resources);
  resources.forEach((resource, index) => {
    const here = `${field}[${index}]`;
    if (resource === '') errors.push(fieldRequired(here));
    const [name = '', subresource] = resource.split('/');
    if (subresource === undefined) return;
    if (subresource !== '*' && all.has(`${name}/*`)) {
      errors.push(fieldInvalid(here, resource, `if '${name}/*' is present, must not specify ${resource}`));
    }
    if (name !== '*' && all.has(`*/${subresource}`)) {
      errors.push(fieldInvalid(here, resource, `if '*/${subresource}' is present, must not specify ${resource}`));
    }
  });
  if (resources.length > 1 && all.has('*/*')) {
    errors.push(fieldInvalid(field, resources, "if '*/*' is present, must not specify other resources"));
  }
  const plain = resources.filter((resource) => !resource.includes('/'));
  if (plain.length > 1 && plain.includes('*')) {
    const detail = "if '*' is present, must not specify other resources without subresources";
    errors.push(fieldInvalid(field, resources, detail));
  }
  return errors;
}

function validateClientConfig(config: WebhookClientConfig | undefined, field: string): FieldError[] {
  const { url, service } = config ?? {};
  if ((url === undefined) === (service === undefined)) {
    return [fieldRequired(field, 'exactly one of url or service is required')];
  }
  if (url !== undefined) return validateUrl(url, `${field}.url`);
  return validateServiceReference(service ?? {}, `${field}.service`);
}

function validateUrl(text: string, field: string): FieldError[] {
  const form = 'desired format: https://host[/path]';
  if (!URL.canParse(text)) return [fieldRequired(field, `url must be a valid URL; ${form}`)];
  const url = new URL(text);
  const errors: FieldError[] = [];
  if (url.protocol !== 'https:') {
    errors.push(fieldInvalid(field, url.protocol.slice(0, -1), `'https' is the only allowed URL scheme; ${form}`));
  }
  if (url.hostname === '') errors.push(fieldInvalid(field, '', `host must be specified; ${form}`));
  if (url.username || url.password) {
    errors.push(fieldInvalid(field, url.username, 'user information is not permitted in the URL'));
  }
  if (url.hash !== '') errors.push(fieldInvalid(field, url.hash, 'fragments are not permitted in the URL'));
  if (url.search !== '') {
    errors.push(fieldInvalid(field, url.search, 'query parameters are not permitted in the URL'));
  }
  return errors;
}

interface ServiceReference {
  name?: string;
  namespace?: string;
  path?: string | undefined;
  port?: number | undefined;
}

/** How the API server reaches a webhook in the cluster. */
export function validateServiceReference(
  { name, namespace, path, port }: ServiceReference,
  field: string,
): FieldError[] {
  const errors = [...required(`${field}.name`, name), ...required(`${field}.namespace`, namespace)];
  if (port !== undefined) errors.push(...portNumber(`${field}.port`, port));
  if (!path || path === '/') return errors;
  const here = `${field}.path`;
  if (!path.startsWith('/')) return [...errors, fieldInvalid(here, path, "must start with a '/'")];
  for (const [index, step] of path.slice(1).replace(/\/$/, '').split('/').entries()) {
    if (step === '') errors.push(fieldInvalid(here, path, `segment[${index}] may not be empty`));
    else {
      const problem = dns1123Subdomain(step);
      if (problem) errors.push(fieldInvalid(here, path, `segment[${index}]: ${problem}`));
    }
  }
  return errors;
}

/** Whether an expression compiles is not looked at here. */
export function validateMatchConditions(
  conditions: readonly MatchCondition[] | undefined,
  field: string,
  /** Of a policy with a paramKind. */
  params = false,
): FieldError[] {
  const environment = admissionEnvironment({ params, authorizer: true });
  return [
    ...atMost(field, conditions, maxMatchConditions),
    ...each(field, conditions?.slice(0, maxMatchConditions), ({ name, expression }, here) => [
      ...required(`${here}.expression`, expression?.trim()),
      ...validateExpression(`${here}.expression`, expression, environment, [boolType]),
      ...requiredName(`${here}.name`, name, validQualifiedName),
    ]),
    ...unique(
      conditions,
      ({ name }) => name,
      (index) => `${field}[${index}].name`,
    ),
  ];
}
