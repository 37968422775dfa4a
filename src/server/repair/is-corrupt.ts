import { storageErrorReason } from '../../raft/log-storage.ts';

/** Bytes are not what was written: in the log, in a snapshot's file or in the state that it holds. */
export function isCorrupt(error: unknown): boolean {
  if (storageErrorReason(error) === 'corrupt') return true;
  for (let at = error; at instanceof Error; at = at.cause) {
    // RocksDB's own finding, whoever was reading.
    if ((at as { code?: unknown }).code === 'LEVEL_CORRUPTION') return true;
    if (at.name === 'StoreError' && at.message.startsWith('the snapshot cannot be used')) return true;
  }
  return false;
}
