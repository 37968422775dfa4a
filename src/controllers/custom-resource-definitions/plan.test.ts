import { expect, it } from 'vitest';
import { definitionOf, specOf } from '../../api/custom-resources/testing.ts';
import type { CustomResourceDefinition } from '../../api/generated/types/apiextensions-v1.ts';
import { planNames } from './plan.ts';

const nowMs = Date.parse('2024-01-01T00:00:00Z');
const schema = specOf({});

function conditions(definition: CustomResourceDefinition): string[] {
  return (definition.status?.conditions ?? []).map(({ type, status, reason }) => `${type}=${status} ${reason}`);
}

function accepted(
  definition: CustomResourceDefinition,
  others: CustomResourceDefinition[] = [],
): CustomResourceDefinition {
  return { ...definition, status: planNames(definition, others, nowMs) ?? definition.status };
}

it('names that nobody has are accepted, and the kind is served', () => {
  const first = accepted(definitionOf(schema));
  expect(conditions(first)).toEqual(['NamesAccepted=True NoConflicts', 'Established=True InitialNamesAccepted']);
  expect(first.status?.acceptedNames).toMatchObject({ plural: 'things', kind: 'Thing', shortNames: ['th'] });
  expect(planNames(first, [], nowMs)).toBeUndefined();
});

it('who comes second waits for the names', () => {
  const first = accepted(definitionOf(schema));
  const wanted = definitionOf(schema);
  const second = {
    ...wanted,
    spec: { ...wanted.spec, names: { ...wanted.spec.names, plural: 'others', singular: 'other' } },
  };
  const waiting = accepted(second, [first]);
  expect(conditions(waiting)).toEqual(['NamesAccepted=False ListKindConflict', 'Established=False NotAccepted']);
  expect(waiting.status?.acceptedNames).toMatchObject({ plural: 'others' });
  expect(waiting.status?.acceptedNames?.shortNames).toBeUndefined();
  expect(conditions(accepted(waiting))).toEqual([
    'NamesAccepted=True NoConflicts',
    'Established=True InitialNamesAccepted',
  ]);
});

it('what is served stays served under its names when it wants others that are taken', () => {
  const first = accepted(definitionOf(schema));
  const other = structuredClone(first);
  other.status!.acceptedNames = { plural: 'others', kind: 'Other', shortNames: ['ot'] };
  const renamed = { ...first, spec: { ...first.spec, names: { ...first.spec.names, shortNames: ['ot'] } } };
  const after = accepted(renamed, [other]);
  expect(conditions(after)).toEqual([
    'NamesAccepted=False ShortNamesConflict',
    'Established=True InitialNamesAccepted',
  ]);
  expect(after.status?.acceptedNames?.shortNames).toEqual(['th']);
});
