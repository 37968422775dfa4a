/** Which names a CustomResourceDefinition gets, and what its status says of that. */
import type {
  CustomResourceDefinition,
  CustomResourceDefinitionCondition,
  CustomResourceDefinitionNames,
  CustomResourceDefinitionStatus,
} from '../../api/generated/types/apiextensions-v1.ts';
import { timestampOf } from '../../api/meta/timestamp.ts';

export const cleanupFinalizer = 'customresourcecleanup.apiextensions.k8s.io';

type Condition = CustomResourceDefinitionCondition;

/** The status that it should have; undefined when it has it. `others`: the definitions of the same group. */
export function planNames(
  definition: CustomResourceDefinition,
  others: readonly CustomResourceDefinition[],
  nowMs: number,
): CustomResourceDefinitionStatus | undefined {
  const status = definition.status ?? {};
  const { names, condition } = accept(definition, others);
  const established = establishedCondition(definition, condition);
  const conditions = [condition, established].reduce(
    (list, next) => withCondition(list, next, nowMs),
    status.conditions ?? [],
  );
  if (conditions === status.conditions && sameNames(names, status.acceptedNames)) return undefined;
  return { ...status, acceptedNames: names, conditions };
}

function accept(definition: CustomResourceDefinition, others: readonly CustomResourceDefinition[]) {
  const wanted = definition.spec.names;
  const had = definition.status?.acceptedNames ?? { plural: '', kind: '' };
  const taken = others.flatMap(({ status }) => status?.acceptedNames ?? []);
  const resources = new Set(
    taken.flatMap(({ plural, singular = '', shortNames = [] }) => [plural, singular, ...shortNames]),
  );
  const kinds = new Set(taken.flatMap(({ kind, listKind = '' }) => [kind, listKind]));
  const names: CustomResourceDefinitionNames = { ...had };
  let reason = 'NoConflicts';
  let message = 'no conflicts found';
  const check = (name: string, before: string, used: ReadonlySet<string>, conflict: string): boolean => {
    if (name === before || name === '' || !used.has(name)) return true;
    reason = conflict;
    message = `${JSON.stringify(name)} is already in use`;
    return false;
  };
  if (check(wanted.plural, had.plural, resources, 'PluralConflict')) names.plural = wanted.plural;
  if (check(wanted.singular ?? '', had.singular ?? '', resources, 'SingularConflict')) names.singular = wanted.singular;
  const own = new Set(had.shortNames);
  const short = (wanted.shortNames ?? []).filter((name) => !own.has(name) && resources.has(name));
  if (short.length === 0) names.shortNames = wanted.shortNames;
  else {
    reason = 'ShortNamesConflict';
    const list = short.map((name) => `${JSON.stringify(name)} is already in use`);
    message = list.length === 1 ? list[0]! : `[${list.join(', ')}]`;
  }
  if (check(wanted.kind, had.kind, kinds, 'KindConflict')) names.kind = wanted.kind;
  if (check(wanted.listKind ?? '', had.listKind ?? '', kinds, 'ListKindConflict')) names.listKind = wanted.listKind;
  names.categories = wanted.categories;
  const accepted = reason === 'NoConflicts';
  const condition: Condition = { type: 'NamesAccepted', status: accepted ? 'True' : 'False', reason, message };
  return { names, condition };
}

/** Once served, always served: a later conflict leaves the names that were accepted. */
function establishedCondition({ status }: CustomResourceDefinition, names: Condition): Condition {
  const before = status?.conditions?.find(({ type }) => type === 'Established');
  if (before?.status === 'True') return before;
  if (names.status !== 'True') {
    return { type: 'Established', status: 'False', reason: 'NotAccepted', message: 'not all names are accepted' };
  }
  return {
    type: 'Established',
    status: 'True',
    reason: 'InitialNamesAccepted',
    message: 'the initial names have been accepted',
  };
}

/** The same list where nothing changes. */
export function withCondition(list: readonly Condition[], next: Condition, nowMs: number): Condition[] {
  const before = list.find(({ type }) => type === next.type);
  if (before && before.status === next.status && before.reason === next.reason && before.message === next.message) {
    return list as Condition[];
  }
  const moved = before?.status === next.status ? before.lastTransitionTime : timestampOf(nowMs);
  const condition = { ...next, lastTransitionTime: moved };
  return before ? list.map((one) => (one === before ? condition : one)) : [...list, condition];
}

function sameNames(a: CustomResourceDefinitionNames, b: CustomResourceDefinitionNames | undefined): boolean {
  const text = (names: CustomResourceDefinitionNames | undefined) =>
    JSON.stringify([
      names?.plural,
      names?.singular,
      names?.kind,
      names?.listKind,
      names?.shortNames ?? [],
      names?.categories ?? [],
    ]);
  return text(a) === text(b);
}
