/** Expressions in webhooks' match conditions and in admission policies: what they may name, and what they must give. */
import {
  CelCompileError,
  type CelEnvironment,
  type CompiledExpression,
  celTypes,
  compile,
} from '../../lib/cel/index.ts';
import { authorizerType } from './authorizer.ts';
import { kubernetesEnvironment } from './index.ts';

const { boolType, dynType, intType, listOf, mapOf, nullType, opaqueType, stringType, structType, timestampType } =
  celTypes;
type CelType = celTypes.CelType;

export { boolType, dynType, nullType, stringType };

export interface AdmissionVariables {
  readonly params?: boolean | undefined;
  readonly authorizer?: boolean | undefined;
  /** Of a policy, by name; those declared before the expression. */
  readonly variables?: ReadonlyMap<string, CelType> | undefined;
  /** Of `object` and `oldObject`; default dyn. */
  readonly object?: CelType | undefined;
  readonly paramsType?: CelType | undefined;
}

/** The expression cannot be used; the message is upstream's. */
export class ExpressionError extends Error {}

export function admissionEnvironment(options: AdmissionVariables): CelEnvironment {
  const { object = dynType, variables = new Map() } = options;
  return kubernetesEnvironment({
    object,
    oldObject: object,
    namespaceObject: namespaceType,
    request: requestType,
    ...(options.params && { params: options.paramsType ?? dynType }),
    ...(options.authorizer && {
      authorizer: authorizerType,
      'authorizer.requestResource': opaqueType('kubernetes.authorization.ResourceCheck'),
    }),
    variables: structType(
      'kubernetes.variables',
      new Map([...variables].map(([name, type]) => [name, { type, jsonName: name }])),
    ),
  });
}

/** @throws ExpressionError */
export function compileAdmission(
  expression: string,
  environment: CelEnvironment,
  returns: readonly CelType[] | undefined,
): CompiledExpression {
  let compiled: CompiledExpression;
  try {
    compiled = compile(expression, environment);
  } catch (error) {
    if (!(error instanceof CelCompileError)) throw error;
    throw new ExpressionError(`compilation failed: ${error.message}`);
  }
  const { resultType } = compiled;
  if (!returns || returns.some((type) => celTypes.sameType(type, resultType))) return compiled;
  const got = nameOf(resultType);
  const [first] = returns;
  throw new ExpressionError(
    returns.length === 1
      ? `must evaluate to ${nameOf(first!)} but got ${got}`
      : `must evaluate to one of [${returns.map(nameOf).join(' ')}] but got ${got}`,
  );
}

function nameOf(type: CelType): string {
  return type.kind === 'null' ? 'null_type' : celTypes.formatType(type);
}

function fields(types: Readonly<Record<string, CelType>>, names: Readonly<Record<string, string>> = {}) {
  return new Map(Object.entries(types).map(([name, type]) => [name, { type, jsonName: names[name] ?? name }]));
}

function named(name: string, last: string): CelType {
  return structType(name, fields({ group: stringType, version: stringType, [last]: stringType }));
}

const strings = listOf(stringType);
const kindType = named('kubernetes.GroupVersionKind', 'kind');
const resourceType = named('kubernetes.GroupVersionResource', 'resource');
const userInfoType = structType(
  'kubernetes.UserInfo',
  fields({ username: stringType, uid: stringType, groups: strings, extra: mapOf(stringType, strings) }),
);

const requestType = structType(
  'kubernetes.AdmissionRequest',
  fields({
    kind: kindType,
    resource: resourceType,
    subResource: stringType,
    requestKind: kindType,
    requestResource: resourceType,
    requestSubResource: stringType,
    name: stringType,
    namespace: stringType,
    operation: stringType,
    userInfo: userInfoType,
    dryRun: boolType,
    options: dynType,
  }),
);

const namespaceMetadata = structType(
  'kubernetes.NamespaceMetadata',
  fields(
    {
      name: stringType,
      generateName: stringType,
      namespace: stringType,
      labels: mapOf(stringType, stringType),
      annotations: mapOf(stringType, stringType),
      UID: stringType,
      creationTimestamp: timestampType,
      deletionGracePeriodSeconds: intType,
      deletionTimestamp: timestampType,
      generation: intType,
      resourceVersion: stringType,
      finalizers: strings,
    },
    { UID: 'uid' },
  ),
);

const namespaceCondition = structType(
  'kubernetes.NamespaceCondition',
  fields({
    status: stringType,
    type: stringType,
    lastTransitionTime: timestampType,
    message: stringType,
    reason: stringType,
  }),
);

const namespaceType = structType(
  'kubernetes.Namespace',
  fields({
    metadata: namespaceMetadata,
    spec: structType('kubernetes.NamespaceSpec', fields({ finalizers: strings })),
    status: structType(
      'kubernetes.NamespaceStatus',
      fields({ conditions: listOf(namespaceCondition), phase: stringType }),
    ),
  }),
);
