import { expect, it } from 'vitest';
import type { OwnerReference } from '../../api/generated/types/meta-v1.ts';
import type { TypedObject } from '../../api/types.ts';
import { type OwnerState, planGarbage } from './plan.ts';

const reference = (uid: string, blockOwnerDeletion = false): OwnerReference => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  name: uid,
  uid,
  blockOwnerDeletion,
});
const object = (metadata: object = {}): TypedObject => ({ metadata: { name: 'o', uid: 'o', ...metadata } });
const deleting = (...finalizers: string[]) => object({ deletionTimestamp: '2026-01-01T00:00:00Z', finalizers });
const dependent = (blocking: boolean, metadata: object = {}) =>
  object({ name: 'd', uid: 'd', ownerReferences: [reference('o', blocking)], ...metadata });
const owners = (...states: OwnerState[]) =>
  states.map((state, index) => ({ reference: reference(`owner-${index}`), state }));

it.each([
  ['no owners', object(), owners(), [], { type: 'none' }],
  ['a living owner', object(), owners('solid'), [], { type: 'none' }],
  ['an absent owner', object(), owners('absent'), [], { type: 'delete', propagationPolicy: 'Background' }],
  ['two absent owners', object(), owners('absent', 'absent'), [], { type: 'delete', propagationPolicy: 'Background' }],
  ['an absent and a living owner', object(), owners('absent', 'solid'), [], { type: 'drop-owners', uids: ['owner-0'] }],
  [
    'an absent owner and one of an unknown kind',
    object(),
    owners('absent', 'unknown'),
    [],
    { type: 'drop-owners', uids: ['owner-0'] },
  ],
  ['only an owner of an unknown kind', object(), owners('unknown'), [], { type: 'none' }],
  ['an owner that waits for it', object(), owners('waiting'), [], { type: 'delete', propagationPolicy: 'Background' }],
  [
    'an owner that waits, and dependents',
    object(),
    owners('waiting'),
    [dependent(true)],
    { type: 'delete', propagationPolicy: 'Foreground' },
  ],
  [
    'an owner that waits, and a dependent that waits: a circle',
    object(),
    [{ reference: reference('owner-0', true), state: 'waiting' as const }],
    [dependent(true, { deletionTimestamp: 'x', finalizers: ['foregroundDeletion'] })],
    { type: 'unblock-owners', uids: ['owner-0'] },
  ],
  [
    'a circle that has been cut',
    object(),
    owners('waiting'),
    [dependent(true, { deletionTimestamp: 'x', finalizers: ['foregroundDeletion'] })],
    { type: 'delete', propagationPolicy: 'Foreground' },
  ],
  [
    'an owner that waits and a living one',
    object(),
    owners('waiting', 'solid'),
    [],
    { type: 'drop-owners', uids: ['owner-0'] },
  ],
  ['being deleted, no finalizer of ours', deleting('other'), owners('absent'), [], { type: 'none' }],
  [
    'foreground, nothing left',
    deleting('foregroundDeletion'),
    owners(),
    [],
    { type: 'remove-finalizer', finalizer: 'foregroundDeletion' },
  ],
  [
    'foreground, only dependents that do not block',
    deleting('foregroundDeletion'),
    owners(),
    [dependent(false)],
    { type: 'remove-finalizer', finalizer: 'foregroundDeletion' },
  ],
  [
    'foreground, a dependent that blocks',
    deleting('foregroundDeletion'),
    owners(),
    [dependent(true)],
    { type: 'visit-dependents', dependents: [dependent(true)] },
  ],
  [
    'foreground, a blocking dependent that is going already',
    deleting('foregroundDeletion'),
    owners(),
    [dependent(true, { deletionTimestamp: 'x' })],
    { type: 'visit-dependents', dependents: [] },
  ],
  [
    'orphaning, dependents left',
    deleting('orphan'),
    owners(),
    [dependent(true)],
    { type: 'orphan-dependents', dependents: [dependent(true)] },
  ],
  ['orphaning, none left', deleting('orphan'), owners(), [], { type: 'remove-finalizer', finalizer: 'orphan' }],
] as const)('an object with %s', (_, it, itsOwners, dependents, expected) => {
  expect(planGarbage({ object: it, owners: itsOwners, dependents: [...dependents] })).toEqual(expected);
});
