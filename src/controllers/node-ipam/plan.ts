/** Which pod range each node gets. Pure; IPv4. */

interface Range {
  readonly base: number;
  readonly prefix: number;
}

/** `10.244.0.0/16` → first address as a number, and prefix length. @throws Error for anything else */
export function parseCidr(cidr: string): Range {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/.exec(cidr);
  const octets = match?.slice(1, 5).map(Number) ?? [];
  const prefix = Number(match?.[5]);
  if (!match || octets.some((octet) => octet > 255) || prefix > 32) throw new Error(`"${cidr}" is not an IPv4 range`);
  const address = octets.reduce((value, octet) => value * 256 + octet, 0);
  return { base: address - (address % 2 ** (32 - prefix)), prefix };
}

function formatCidr(base: number, prefix: number): string {
  const octets = [24, 16, 8, 0].map((shift) => Math.floor(base / 2 ** shift) % 256);
  return `${octets.join('.')}/${prefix}`;
}

/**
 * The lowest free range of length `nodeMaskSize` within `podCidr`, or undefined when all are taken. A taken range of another length (from an earlier configuration) blocks
 * every range that it overlaps.
 */
export function nextRange(podCidr: string, nodeMaskSize: number, taken: Iterable<string>): string | undefined {
  const whole = parseCidr(podCidr);
  const size = 2 ** (32 - nodeMaskSize);
  const count = 2 ** (nodeMaskSize - whole.prefix);
  const used = new Set<number>();
  for (const cidr of taken) {
    const range = parseCidr(cidr);
    const first = Math.max(0, Math.floor((range.base - whole.base) / size));
    const last = Math.min(count - 1, Math.floor((range.base + 2 ** (32 - range.prefix) - 1 - whole.base) / size));
    for (let index = first; index <= last; index++) used.add(index);
  }
  for (let index = 0; index < count; index++)
    if (!used.has(index)) return formatCidr(whole.base + index * size, nodeMaskSize);
  return undefined;
}
