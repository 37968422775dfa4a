/**
 * What looks wrong in a ValidatingAdmissionPolicy once its expressions are read with the types of the kinds that it is about: warnings for its
 * status. Nothing is refused for them: types may differ by version.
 */
import type { celTypes } from '../../lib/cel/index.ts';
import type { KindRegistry } from '../definition.ts';
import type {
  ExpressionWarning,
  NamedRuleWithOperations,
  ValidatingAdmissionPolicySpec,
} from '../generated/types/admissionregistration-v1.ts';
import type { SchemaSet } from '../schema/schema.ts';
import { apiVersionOf, type GroupVersionKind } from '../types.ts';
import {
  type AdmissionVariables,
  admissionEnvironment,
  compileAdmission,
  dynType,
  ExpressionError,
} from './admission.ts';
import { typeOfDefinition } from './schema-type.ts';

/** Kinds that one rule is checked for. */
const maxKinds = 10;

interface CheckedKind {
  readonly name: string;
  readonly type: celTypes.CelType;
}

export function checkPolicy(
  spec: ValidatingAdmissionPolicySpec,
  registry: KindRegistry,
  schemas: SchemaSet,
): ExpressionWarning[] {
  const kinds = kindsOf(spec.matchConstraints?.resourceRules ?? [], registry, schemas);
  const paramsType = paramsTypeOf(spec, schemas);
  const warnings: ExpressionWarning[] = [];
  const check = (fieldRef: string, expression: string) => {
    const told = kinds.flatMap((kind) => problem(spec, kind, paramsType, expression) ?? []);
    if (told.length > 0) warnings.push({ fieldRef, warning: told.join('\n') });
  };
  (spec.validations ?? []).forEach(({ expression, messageExpression }, index) => {
    check(`spec.validations[${index}].expression`, expression);
    if (messageExpression) check(`spec.validations[${index}].messageExpression`, messageExpression);
  });
  return warnings;
}

function problem(
  spec: ValidatingAdmissionPolicySpec,
  { name, type }: CheckedKind,
  paramsType: celTypes.CelType | undefined,
  expression: string,
): string | undefined {
  const variables = new Map<string, celTypes.CelType>();
  const params = spec.paramKind !== undefined;
  const options: AdmissionVariables = { object: type, params, paramsType, authorizer: true, variables };
  for (const variable of spec.variables ?? []) {
    variables.set(variable.name, typeOrDyn(variable.expression, options));
  }
  try {
    compileAdmission(expression, admissionEnvironment(options), undefined);
    return undefined;
  } catch (error) {
    if (error instanceof ExpressionError) return `${name}: ${error.message}\n`;
    throw error;
  }
}

function typeOrDyn(expression: string, options: AdmissionVariables): celTypes.CelType {
  try {
    return compileAdmission(expression, admissionEnvironment(options), undefined).resultType;
  } catch (error) {
    if (error instanceof ExpressionError) return dynType;
    throw error;
  }
}

/** Those that the rules name one by one, in order. */
function kindsOf(rules: readonly NamedRuleWithOperations[], registry: KindRegistry, schemas: SchemaSet): CheckedKind[] {
  const found = new Map<string, CheckedKind & { readonly kind: GroupVersionKind }>();
  for (const rule of rules) {
    const resources = named(rule.resources).filter((resource) => !resource.includes('/'));
    const wanted = named(rule.apiGroups).flatMap((group) =>
      named(rule.apiVersions).flatMap((version) => resources.map((resource) => ({ group, version, resource }))),
    );
    for (const resource of wanted.slice(0, maxKinds)) {
      const definition = registry.find(resource);
      const type = definition && typeOfDefinition(schemas, definition.schema);
      if (!definition || !type) continue;
      const name = `${definition.group === '' ? '/' : ''}${apiVersionOf(definition)}, Kind=${definition.kind}`;
      found.set(name, { name, type, kind: definition });
    }
  }
  const order = ({ kind }: { kind: GroupVersionKind }) => `${kind.group} ${kind.version} ${kind.kind}`;
  return [...found.values()].sort((a, b) => (order(a) < order(b) ? -1 : 1));
}

/** None where anything is meant: then no types are known. */
function named(list: readonly string[] | undefined): string[] {
  return list?.includes('*') || list?.includes('*/*') ? [] : [...(list ?? [])].sort();
}

function paramsTypeOf(spec: ValidatingAdmissionPolicySpec, schemas: SchemaSet): celTypes.CelType | undefined {
  const { apiVersion, kind } = spec.paramKind ?? {};
  const definition = apiVersion && kind ? schemas.definitionOfKind(apiVersion, kind) : undefined;
  return definition === undefined ? undefined : typeOfDefinition(schemas, definition);
}
