/** `ip("…")` and `cidr("…")` in expressions. */
import { traversal } from '../../lib/cel/cost/costs.ts';
import { stringFactor, times } from '../../lib/cel/cost/range.ts';
import {
  type CallCost,
  CelEvaluationError,
  fixedCost,
  fn,
  type Library,
  method,
  OpaqueValue,
} from '../../lib/cel/index.ts';
import { sizeOr } from '../../lib/cel/overload.ts';
import { sizeOf } from '../../lib/cel/values.ts';
import { type Address, formatAddress, maskAddress, type Prefix, parseAddress, parsePrefix } from '../meta/address.ts';

export class IpValue extends OpaqueValue {
  readonly typeName = 'net.IP';
  readonly address: Address;

  constructor(address: Address) {
    super();
    this.address = address;
  }

  equals(other: OpaqueValue): boolean {
    return other instanceof IpValue && same(this.address, other.address);
  }

  toJson(): string {
    return formatAddress(this.address);
  }

  override get size(): number {
    return this.address.family === 4 ? 4 : 16;
  }
}

export class CidrValue extends OpaqueValue {
  readonly typeName = 'net.CIDR';
  readonly prefix: Prefix;

  constructor(prefix: Prefix) {
    super();
    this.prefix = prefix;
  }

  equals(other: OpaqueValue): boolean {
    return (
      other instanceof CidrValue &&
      other.prefix.length === this.prefix.length &&
      same(this.prefix.address, other.prefix.address)
    );
  }

  toJson(): string {
    return `${formatAddress(this.prefix.address)}/${this.prefix.length}`;
  }

  override get size(): number {
    return Math.ceil(this.prefix.length / 8);
  }
}

function same(a: Address, b: Address): boolean {
  return a.family === b.family && a.value === b.value;
}

function readIp(text: string): IpValue {
  const address = parseAddress(text);
  if (address) return new IpValue(address);
  throw new CelEvaluationError(`IP Address ${JSON.stringify(text)} parse error during conversion from string`);
}

function readCidr(text: string): CidrValue {
  const prefix = parsePrefix(text);
  if (prefix) return new CidrValue(prefix);
  throw new CelEvaluationError(`network address parse error during conversion from string: ${JSON.stringify(text)}`);
}

function containsIp({ prefix }: CidrValue, { address }: IpValue): boolean {
  return (
    address.family === prefix.address.family &&
    same(maskAddress(address, prefix.length), maskAddress(prefix.address, prefix.length))
  );
}

function containsCidr(outer: CidrValue, { prefix }: CidrValue): boolean {
  return prefix.length >= outer.prefix.length && containsIp(outer, new IpValue(prefix.address));
}

const within = (address: Address, text: string) => {
  const prefix = parsePrefix(text)!;
  return prefix.address.family === address.family && same(maskAddress(address, prefix.length), prefix.address);
};

const isLoopback = (address: Address) => within(address, '127.0.0.0/8') || within(address, '::1/128');
const isMulticast = (address: Address) => within(address, '224.0.0.0/4') || within(address, 'ff00::/8');
const isLocalMulticast = (address: Address) =>
  within(address, '224.0.0.0/24') || (within(address, 'ff00::/8') && ((address.value >> 112n) & 0xfn) === 2n);
const isLocalUnicast = (address: Address) => within(address, '169.254.0.0/16') || within(address, 'fe80::/10');
const isUnspecified = (address: Address) => address.value === 0n;
const isBroadcast = (address: Address) => address.family === 4 && address.value === 0xffffffffn;

function isGlobalUnicast(address: Address): boolean {
  return !(
    isUnspecified(address) ||
    isLoopback(address) ||
    isMulticast(address) ||
    isLocalUnicast(address) ||
    isBroadcast(address)
  );
}

/** Two addresses are compared; a text is read first; a network is masked first. */
function containment(options: { text: boolean; network: boolean }): CallCost {
  return {
    estimate([, other]) {
      const compared = times({ min: 8, max: 32 }, stringFactor);
      const masked = options.network ? times({ min: 4, max: 16 }, stringFactor) : { min: 0, max: 0 };
      const read = options.text ? times(sizeOr(other), stringFactor) : { min: 0, max: 0 };
      const extra = options.network ? 1 : 0;
      return {
        cost: { min: compared.min + masked.min + read.min + extra, max: compared.max + masked.max + read.max + extra },
      };
    },
    actual([cidr, other]) {
      const size = sizeOf(cidr!);
      const masked = options.network ? Math.ceil(size * stringFactor) + 1 : 0;
      return (
        Math.ceil(2 * size * stringFactor) + masked + (options.text ? Math.ceil(sizeOf(other!) * stringFactor) : 0)
      );
    },
  };
}

function ipTest(name: string, id: string, test: (address: Address) => boolean) {
  return method(name, id, 'net.IP -> bool', ({ address }: IpValue) => test(address), fixedCost(1));
}

function isCanonical(text: string): boolean {
  return readIp(text).toJson() === text;
}

export const addressLibrary: Library = {
  overloads: [
    fn('ip', 'string_to_ip', 'string -> net.IP', readIp, traversal(0)),
    method('ip', 'cidr_ip', 'net.CIDR -> net.IP', ({ prefix }: CidrValue) => new IpValue(prefix.address), fixedCost(1)),
    fn('isIP', 'is_ip', 'string -> bool', (text: string) => parseAddress(text) !== undefined, traversal(0)),
    fn('ip.isCanonical', 'ip_is_canonical', 'string -> bool', isCanonical, traversal(0, { passes: 2 })),
    method('family', 'ip_family', 'net.IP -> int', ({ address }: IpValue) => BigInt(address.family), fixedCost(1)),
    ipTest('isUnspecified', 'ip_is_unspecified', isUnspecified),
    ipTest('isLoopback', 'ip_is_loopback', isLoopback),
    ipTest('isLinkLocalMulticast', 'ip_is_link_local_multicast', isLocalMulticast),
    ipTest('isLinkLocalUnicast', 'ip_is_link_local_unicast', isLocalUnicast),
    ipTest('isGlobalUnicast', 'ip_is_global_unicast', isGlobalUnicast),
    fn('string', 'ip_to_string', 'net.IP -> string', (value: IpValue) => value.toJson()),
    fn('cidr', 'string_to_cidr', 'string -> net.CIDR', readCidr, traversal(0)),
    fn('isCIDR', 'is_cidr', 'string -> bool', (text: string) => parsePrefix(text) !== undefined, traversal(0)),
    fn('string', 'cidr_to_string', 'net.CIDR -> string', (value: CidrValue) => value.toJson()),
    method(
      'containsIP',
      'cidr_contains_ip_ip',
      'net.CIDR, net.IP -> bool',
      containsIp,
      containment({ text: false, network: false }),
    ),
    method(
      'containsIP',
      'cidr_contains_ip_string',
      'net.CIDR, string -> bool',
      (cidr: CidrValue, text: string) => containsIp(cidr, readIp(text)),
      containment({ text: true, network: false }),
    ),
    method(
      'containsCIDR',
      'cidr_contains_cidr',
      'net.CIDR, net.CIDR -> bool',
      containsCidr,
      containment({ text: false, network: true }),
    ),
    method(
      'containsCIDR',
      'cidr_contains_cidr_string',
      'net.CIDR, string -> bool',
      (cidr: CidrValue, text: string) => containsCidr(cidr, readCidr(text)),
      containment({ text: true, network: true }),
    ),
    method(
      'prefixLength',
      'cidr_prefix_length',
      'net.CIDR -> int',
      ({ prefix }: CidrValue) => BigInt(prefix.length),
      fixedCost(1),
    ),
    method(
      'masked',
      'cidr_masked',
      'net.CIDR -> net.CIDR',
      ({ prefix }: CidrValue) =>
        new CidrValue({ address: maskAddress(prefix.address, prefix.length), length: prefix.length }),
      fixedCost(1),
    ),
  ],
};
