/** The values that expressions see of a request. Nothing is made that no expression reads. */
import { type AuthorizerAnswer, type AuthorizerQuestion, AuthorizerValue } from '../../../api/cel/authorizer.ts';
import type { ResourceDefinition } from '../../../api/definition.ts';
import type { KubernetesObject } from '../../../api/types.ts';
import type { Attributes, Authorizer, Decision, UserInfo } from '../../types.ts';
import type { AdmissionRequest } from '../types.ts';
import { reviewRequest, servedForm } from '../webhooks/review.ts';

import type { View } from './versions.ts';

export interface ExpressionInput {
  readonly request: AdmissionRequest;
  /** The version that objects are seen in. */
  readonly as: ResourceDefinition;
  readonly authorizer: Authorizer;
  /** Objects that had to be converted before. */
  readonly view?: View | undefined;
  /** Undefined: there are none to be named. */
  readonly params?: KubernetesObject | null | undefined;
  /** Absent for what lies in no namespace. */
  readonly namespaceObject?: (() => KubernetesObject) | undefined;
}

/** An authorizer took its time: what is being evaluated comes once more when it has answered. */
class Unanswered extends Error {
  readonly answer: Promise<void>;

  constructor(answer: Promise<void>) {
    super('the authorizer has not answered yet');
    this.answer = answer;
  }
}

/** Checks that one evaluation may wait for. */
const maxQuestions = 100;

/** Runs `evaluate` with the variables, again for each question that an authorizer cannot answer at once. */
export function withVariables<T>(
  input: ExpressionInput,
  evaluate: (variables: Readonly<Record<string, unknown>>) => T,
): T | Promise<T> {
  const answers = new Map<string, AuthorizerAnswer>();
  const variables = variablesOf(input, answers);
  try {
    return evaluate(variables);
  } catch (error) {
    if (!(error instanceof Unanswered)) throw error;
    return again(error, variables, evaluate);
  }
}

async function again<T>(
  first: Unanswered,
  variables: Readonly<Record<string, unknown>>,
  evaluate: (variables: Readonly<Record<string, unknown>>) => T,
): Promise<T> {
  let unanswered = first;
  for (let count = 1; ; count++) {
    await unanswered.answer;
    try {
      return evaluate(variables);
    } catch (error) {
      if (!(error instanceof Unanswered) || count === maxQuestions) throw error;
      unanswered = error;
    }
  }
}

/** What is thrown through evaluations must not be taken for a failure of the expression. */
export function isUnanswered(error: unknown): boolean {
  return error instanceof Unanswered;
}

function variablesOf(input: ExpressionInput, answers: Map<string, AuthorizerAnswer>): Record<string, unknown> {
  const { request, as, params, namespaceObject, view } = input;
  const ask = (question: AuthorizerQuestion): AuthorizerAnswer => answerTo(input, answers, question);
  const { definition, subresource, namespace, name } = request;
  const lazily: Record<string, () => unknown> = {
    object: () => (view ? view.object : servedForm(request, request.object, as)) ?? null,
    oldObject: () => (view ? view.oldObject : servedForm(request, request.oldObject, as)) ?? null,
    request: () => withoutObjects(request, as),
    namespaceObject: () => namespaceObject?.() ?? null,
    params: () => params ?? null,
    authorizer: () => new AuthorizerValue(ask),
    'authorizer.requestResource': () =>
      new AuthorizerValue(ask, 'kubernetes.authorization.ResourceCheck', {
        group: definition.group,
        resource: definition.resource,
        subresource,
        namespace,
        name,
      }),
  };
  const variables: Record<string, unknown> = {};
  for (const [variable, make] of Object.entries(lazily)) {
    let made: { readonly value: unknown } | undefined;
    Object.defineProperty(variables, variable, {
      enumerable: true,
      get() {
        made ??= { value: make() };
        return made.value;
      },
    });
  }
  return variables;
}

function withoutObjects(request: AdmissionRequest, as: ResourceDefinition): object {
  const review = reviewRequest('v1', '', request, as, { object: undefined, oldObject: undefined }) as {
    request: Record<string, unknown>;
  };
  const { object, oldObject, uid, ...rest } = review.request;
  return rest;
}

function answerTo(
  { request, authorizer }: ExpressionInput,
  answers: Map<string, AuthorizerAnswer>,
  question: AuthorizerQuestion,
): AuthorizerAnswer {
  const key = JSON.stringify(question);
  const known = answers.get(key);
  if (known) return known;
  const note = (decision: Decision) => {
    const reason = decision.allowed ? '' : decision.reason;
    const answer = { allowed: decision.allowed, reason, error: '' };
    answers.set(key, answer);
    return answer;
  };
  const decision = authorizer.authorize(attributesOf(request, question));
  if (!(decision instanceof Promise)) return note(decision);
  const noted = decision.then(note, (error: unknown) => {
    answers.set(key, { allowed: false, reason: '', error: String((error as Error).message) });
  });
  throw new Unanswered(noted.then(() => undefined));
}

function attributesOf(request: AdmissionRequest, question: AuthorizerQuestion): Attributes {
  const { verb, path, serviceAccount } = question;
  const user: UserInfo = serviceAccount ? accountUser(serviceAccount) : request.user;
  if (path !== undefined) return { user, verb, path };
  const { group = '', resource = '', subresource, namespace, name, fieldSelector } = question;
  return {
    user,
    verb,
    resource: { group, version: '*', resource },
    subresource: subresource || undefined,
    namespace: namespace || undefined,
    name: name || undefined,
    fieldSelector: fieldSelector || undefined,
    path: '',
  };
}

function accountUser({ namespace, name }: { readonly namespace: string; readonly name: string }): UserInfo {
  const accounts = 'system:serviceaccounts';
  return {
    name: `system:serviceaccount:${namespace}:${name}`,
    groups: [accounts, `${accounts}:${namespace}`, 'system:authenticated'],
  };
}
