import { expect, test } from 'vitest';
import { StorageError } from '../../raft/log-storage.ts';
import { StoreError } from '../../store/types.ts';
import { isCorrupt } from './is-corrupt.ts';

test('damage of every layer is known, also behind other errors; what is none is not', () => {
  const rocks = Object.assign(new Error('Corruption: block checksum mismatch'), { code: 'LEVEL_CORRUPTION' });
  expect(isCorrupt(rocks)).toBe(true);
  expect(isCorrupt(new Error('the thread ended', { cause: rocks }))).toBe(true);
  expect(isCorrupt(new StorageError('corrupt', 'entry 4 fails its checksum'))).toBe(true);
  expect(isCorrupt(new StoreError('invalid', 'the snapshot cannot be used: it was cut short'))).toBe(true);
  expect(isCorrupt(new StorageError('no-space', 'no room'))).toBe(false);
  expect(isCorrupt(new StoreError('invalid', 'an empty key'))).toBe(false);
  expect(isCorrupt(undefined)).toBe(false);
});
