/** The variable `authorizer` in expressions: may this user do that? */
import { times } from '../../lib/cel/cost/range.ts';
import { type CallCost, fixedCost, type Library, method, OpaqueValue } from '../../lib/cel/index.ts';
import { sizeOr } from '../../lib/cel/overload.ts';
import { opaqueType } from '../../lib/cel/types.ts';
import { sizeOf } from '../../lib/cel/values.ts';

/** What is asked; with `path` of something that is no resource. */
export interface AuthorizerQuestion {
  readonly verb: string;
  readonly path?: string | undefined;
  readonly group?: string | undefined;
  readonly resource?: string | undefined;
  readonly subresource?: string | undefined;
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
  readonly fieldSelector?: string | undefined;
  readonly labelSelector?: string | undefined;
  /** Instead of the user who asks. */
  readonly serviceAccount?: { readonly namespace: string; readonly name: string } | undefined;
}

export interface AuthorizerAnswer {
  readonly allowed: boolean;
  readonly reason: string;
  /** Empty: decided without an error. */
  readonly error: string;
}

export type AskAuthorizer = (question: AuthorizerQuestion) => AuthorizerAnswer;

/** Value of `authorizer`, and of each step of `authorizer.group(…).resource(…)`. */
export class AuthorizerValue extends OpaqueValue {
  readonly typeName: string;
  readonly ask: AskAuthorizer;
  readonly question: Omit<AuthorizerQuestion, 'verb'>;

  constructor(ask: AskAuthorizer, typeName = authorizerType.name, question: Omit<AuthorizerQuestion, 'verb'> = {}) {
    super();
    this.ask = ask;
    this.typeName = typeName;
    this.question = question;
  }

  equals(other: OpaqueValue): boolean {
    return other === this;
  }

  toJson(): unknown {
    return this.question;
  }
}

class DecisionValue extends OpaqueValue {
  readonly typeName = 'kubernetes.authorization.Decision';
  readonly answer: AuthorizerAnswer;

  constructor(answer: AuthorizerAnswer) {
    super();
    this.answer = answer;
  }

  equals(other: OpaqueValue): boolean {
    return other === this;
  }

  toJson(): unknown {
    return this.answer;
  }
}

export const authorizerType = opaqueType('kubernetes.authorization.Authorizer');
const prefix = 'kubernetes.authorization';
const resourceCheck = `${prefix}.ResourceCheck`;
/** Two checks fit into one expression. */
const checkCost = fixedCost(350_000);

const selectorCost: CallCost = {
  estimate([, selector]) {
    const read = times(sizeOr(selector), 0.1);
    const kept = times(times(sizeOr(selector), 0.5), 50);
    return { cost: { min: 10 + read.min + kept.min, max: 10 + read.max + kept.max } };
  },
  actual: ([, selector]) =>
    10 + Math.ceil(sizeOf(selector!) * 0.1) + Math.ceil(Math.ceil(sizeOf(selector!) * 0.5) * 50),
};

/** A step that notes one more thing of what is asked. */
function step(
  name: string,
  types: { id: string; from: string; to: string },
  note: (...args: string[]) => Partial<AuthorizerQuestion>,
  cost: CallCost = fixedCost(1),
) {
  const args = new Array<string>(note.length).fill('string');
  return method(
    name,
    types.id,
    `${[types.from, ...args].join(', ')} -> ${types.to}`,
    (value: AuthorizerValue, ...texts: string[]) =>
      new AuthorizerValue(value.ask, types.to, { ...value.question, ...note(...texts) }),
    cost,
  );
}

function check(from: string, id: string) {
  return method(
    'check',
    id,
    `${from}, string -> ${prefix}.Decision`,
    (value: AuthorizerValue, verb: string) => new DecisionValue(value.ask({ ...value.question, verb })),
    checkCost,
  );
}

function read(name: string, type: string, get: (answer: AuthorizerAnswer) => boolean | string) {
  return method(
    name,
    `decision_${name}`,
    `${prefix}.Decision -> ${type}`,
    ({ answer }: DecisionValue) => get(answer),
    fixedCost(1),
  );
}

const start = authorizerType.name;
const more = (id: string) => ({ id, from: resourceCheck, to: resourceCheck });

export const authorizerLibrary: Library = {
  overloads: [
    step('path', { id: 'authorizer_path', from: start, to: `${prefix}.PathCheck` }, (path) => ({ path })),
    step('group', { id: 'authorizer_group', from: start, to: `${prefix}.GroupCheck` }, (group) => ({ group })),
    step('serviceAccount', { id: 'authorizer_serviceaccount', from: start, to: start }, (namespace, name) => ({
      serviceAccount: { namespace: namespace ?? '', name: name ?? '' },
    })),
    step('resource', { id: 'groupcheck_resource', from: `${prefix}.GroupCheck`, to: resourceCheck }, (resource) => ({
      resource,
    })),
    step('subresource', more('resourcecheck_subresource'), (subresource) => ({ subresource })),
    step('namespace', more('resourcecheck_namespace'), (namespace) => ({ namespace })),
    step('name', more('resourcecheck_name'), (name) => ({ name })),
    step('fieldSelector', more('authorizer_fieldselector'), (fieldSelector) => ({ fieldSelector }), selectorCost),
    step('labelSelector', more('authorizer_labelselector'), (labelSelector) => ({ labelSelector }), selectorCost),
    check(`${prefix}.PathCheck`, 'pathcheck_check'),
    check(resourceCheck, 'resourcecheck_check'),
    read('allowed', 'bool', ({ allowed }) => allowed),
    read('reason', 'string', ({ reason }) => reason),
    read('errored', 'bool', ({ error }) => error !== ''),
    read('error', 'string', ({ error }) => error),
  ],
};
