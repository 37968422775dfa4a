import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { expect, test } from 'vitest';
import { inspectFolder } from './offline.ts';
import { RocksLogStorage } from './rocks-log-storage.ts';

/** Braces among the four bytes before the record: found as a cluster that could not be started again, one in sixty. */
function identityWithBraceInChecksum() {
  for (let n = 0; ; n++) {
    const identity = { clusterId: `c-${n}#1`, memberId: 1 };
    const checksum = Buffer.alloc(4);
    checksum.writeUInt32LE(crc32(JSON.stringify(identity)));
    if (checksum.includes('{')) return identity;
  }
}

test('whose folder it is can be read whatever bytes the checksum has', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'trimast-offline-'));
  try {
    const identity = identityWithBraceInChecksum();
    const log = await RocksLogStorage.open(join(dir, 'log'), identity);
    await log.close();
    expect(await inspectFolder(dir)).toMatchObject({ state: 'ok', identity });
  } finally {
    rmSync(dir, { recursive: true });
  }
});
