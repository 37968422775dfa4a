/** Long readings of the state in slices, between which the event loop goes on. */
import type { State } from './state.ts';
import { StateHash } from './state-hash.ts';
import { type RevisionHash, StoreError, type Verification } from './types.ts';
import { isTombstone, type Version } from './version.ts';

/** Of one slice: about a millisecond of hashing. */
const sliceVersions = 1_024;
const sliceBytes = 512 * 1024;

/** Over what can be read at `compactedRevision` or later, and was written up to `revision`. @throws StoreError compacted, future-revision */
export async function hashUpTo(state: State, revision: number): Promise<RevisionHash> {
  state.checkReadable(revision);
  const compactRevision = state.compactedRevision;
  const hash = new StateHash();
  const scan = state.scan();
  while (!scan.done) {
    const versions = scan.read(sliceVersions, sliceBytes);
    for (const [i, version] of versions.entries())
      if (isReadable(version, versions[i + 1], compactRevision) && version.modRevision <= revision) hash.add(version);
    await nextTurn(0);
  }
  return { hash: hash.word(), compactRevision, revision };
}

/** Was it there at `revision`, or written later? Replicas free what was not at different times. */
function isReadable(version: Version, next: Version | undefined, revision: number): boolean {
  if (version.modRevision > revision) return true;
  return !isTombstone(version) && (next?.key !== version.key || next.modRevision > revision);
}

/** @throws StoreError unavailable when the state was replaced meanwhile or the caller gave up */
export async function verify(
  current: () => State,
  options: { readonly signal?: AbortSignal | undefined; readonly pauseMs?: number | undefined },
): Promise<Verification> {
  const state = current();
  const scan = state.scan({ rehash: true });
  let versions = 0;
  for (;;) {
    versions += scan.read(sliceVersions, sliceBytes).length;
    if (scan.done) break;
    await nextTurn(options.pauseMs ?? 0);
    if (options.signal?.aborted || current() !== state)
      throw new StoreError('unavailable', 'the verification ended before it was through', {
        cause: options.signal?.reason,
      });
  }
  const leases = new StateHash();
  for (const lease of state.leases.values()) leases.addLease(lease);
  const expected = `${state.versionsHash()}-${state.leasesHash()}`;
  const found = `${scan.recomputedHash()}-${leases.digest()}`;
  return { ok: expected === found, versions, expected, found };
}

export function nextTurn(pauseMs: number): Promise<void> {
  return new Promise((resolve) => {
    if (pauseMs > 0) setTimeout(resolve, pauseMs);
    else setImmediate(resolve);
  });
}
