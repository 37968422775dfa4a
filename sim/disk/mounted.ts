/** Which disk production code sees: that of the process whose turn it is. */
import { assert } from '../../src/lib/assert.ts';
import { currentLane, type Lane } from '../runtime/lane.ts';
import type { Disk } from './disk.ts';

export interface DiskOwner {
  readonly disk: Disk;
}

export function mounted(): { lane: Lane; disk: Disk } {
  const lane = currentLane();
  assert(lane, 'a disk was used outside of a simulated process');
  return { lane, disk: (lane.owner as unknown as DiskOwner).disk };
}
