/** Which number to try next: first among those that nobody asks for by number, from a random one on, then among the rest. Pure. */

/** Numbers tried one after the other before the range counts as exhausted. */
const maxTries = 1 << 17;

/** `reserved`: how many at the start of the range are given out last. Undefined: none of those tried is free. */
export function pickFree(
  size: bigint,
  reserved: bigint,
  random: () => number,
  isFree: (offset: bigint) => boolean,
): bigint | undefined {
  return scan(reserved, size, random, isFree) ?? scan(0n, reserved, random, isFree);
}

function scan(from: bigint, to: bigint, random: () => number, isFree: (offset: bigint) => boolean): bigint | undefined {
  const count = to - from;
  if (count <= 0n) return undefined;
  const start = BigInt(Math.floor(random() * Number(count)));
  const tries = count < BigInt(maxTries) ? count : BigInt(maxTries);
  for (let i = 0n; i < tries; i++) {
    const offset = from + ((start + i) % count);
    if (isFree(offset)) return offset;
  }
  return undefined;
}

/** Upstream's bands for what is asked for by address (KEP-3070): a sixteenth, but 16 to 256. */
export function reservedAddresses(size: bigint): bigint {
  if (size <= 16n) return 0n;
  const part = size / 16n;
  return part < 16n ? 16n : part > 256n ? 256n : part;
}

/** The same for node ports (KEP-3668): a thirty-second, but 16 to 128. */
export function reservedPorts(size: number): number {
  if (size < 32) return 0;
  return Math.min(128, Math.max(16, Math.floor(size / 32)));
}
