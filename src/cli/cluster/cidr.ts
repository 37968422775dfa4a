/** IPv4 ranges as numbers: just what address planning needs. */
export interface Cidr {
  readonly base: number;
  readonly prefixLength: number;
}

/** A bare address counts as /32. @throws RangeError for anything that is no IPv4 range. */
export function parseCidr(text: string): Cidr {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})(?:\/(\d{1,2}))?$/.exec(text);
  const octets = match?.slice(1, 5).map(Number) ?? [];
  const prefixLength = Number(match?.[5] ?? 32);
  if (!match || octets.some((octet) => octet > 255) || prefixLength > 32) {
    throw new RangeError(`"${text}" is no IPv4 range`);
  }
  const address = octets.reduce((sum, octet) => sum * 256 + octet, 0);
  return { base: address - (address % size(prefixLength)), prefixLength };
}

export function overlap(a: Cidr, b: Cidr): boolean {
  return a.base < b.base + size(b.prefixLength) && b.base < a.base + size(a.prefixLength);
}

/** The address `offset` after the base of a range, as text. */
export function addressAt(cidr: Cidr, offset: number): string {
  const value = cidr.base + offset;
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');
}

export function formatCidr(cidr: Cidr): string {
  return `${addressAt(cidr, 0)}/${cidr.prefixLength}`;
}

function size(prefixLength: number): number {
  return 2 ** (32 - prefixLength);
}
