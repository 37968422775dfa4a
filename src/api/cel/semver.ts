/** `semver("1.2.3")` in expressions. */
import { traversal } from '../../lib/cel/cost/costs.ts';
import { CelEvaluationError, fixedCost, fn, type Library, method, OpaqueValue } from '../../lib/cel/index.ts';

interface Version {
  readonly numbers: readonly [bigint, bigint, bigint];
  readonly prerelease: readonly string[];
  readonly build: string;
}

export class SemverValue extends OpaqueValue {
  readonly typeName = 'kubernetes.Semver';
  readonly version: Version;

  constructor(version: Version) {
    super();
    this.version = version;
  }

  equals(other: OpaqueValue): boolean {
    return other instanceof SemverValue && compareVersions(this.version, other.version) === 0;
  }

  toJson(): string {
    const { numbers, prerelease, build } = this.version;
    return `${numbers.join('.')}${prerelease.length > 0 ? `-${prerelease.join('.')}` : ''}${build ? `+${build}` : ''}`;
  }
}

const pattern =
  /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-((?:0|[1-9]\d*|\d*[a-zA-Z-][\w-]*)(?:\.(?:0|[1-9]\d*|\d*[a-zA-Z-][\w-]*))*))?(?:\+([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?$/;
const maxLength = 256;

function parse(text: string): Version | undefined {
  const match = text.length <= maxLength ? pattern.exec(text) : null;
  if (!match) return undefined;
  return {
    numbers: [BigInt(match[1]!), BigInt(match[2]!), BigInt(match[3]!)],
    prerelease: match[4]?.split('.') ?? [],
    build: match[5] ?? '',
  };
}

/** Without a leading `v`, with the parts that are missing, without leading zeros. */
function normalize(text: string): string {
  const [, numbers = '', rest = ''] = /^v?([\d.]*)(.*)$/s.exec(text) ?? [];
  const parts = numbers.split('.').map((part) => part.replace(/^0+(?=\d)/, ''));
  while (parts.length < 3) parts.push('0');
  return parts.join('.') + rest;
}

function read(text: string, loose = false): SemverValue {
  const version = parse(loose ? normalize(text) : text);
  if (!version) throw new CelEvaluationError(`${JSON.stringify(text)} is not a semantic version`);
  return new SemverValue(version);
}

function compareVersions(a: Version, b: Version): number {
  for (const [index, number] of a.numbers.entries()) {
    const other = b.numbers[index]!;
    if (number !== other) return number < other ? -1 : 1;
  }
  if (a.prerelease.length === 0 || b.prerelease.length === 0)
    return Math.sign(b.prerelease.length - a.prerelease.length);
  for (let index = 0; index < Math.max(a.prerelease.length, b.prerelease.length); index++) {
    const order = comparePart(a.prerelease[index], b.prerelease[index]);
    if (order !== 0) return order;
  }
  return 0;
}

function comparePart(a: string | undefined, b: string | undefined): number {
  if (a === b) return 0;
  if (a === undefined) return -1;
  if (b === undefined) return 1;
  const [left, right] = [/^\d+$/.test(a), /^\d+$/.test(b)];
  if (left && right) return BigInt(a) < BigInt(b) ? -1 : 1;
  if (left !== right) return left ? -1 : 1;
  return a < b ? -1 : 1;
}

const compare = (a: SemverValue, b: SemverValue) => compareVersions(a.version, b.version);
const two = 'kubernetes.Semver, kubernetes.Semver';

function part(name: string, index: 0 | 1 | 2) {
  return method(
    name,
    `semver_${name}`,
    'kubernetes.Semver -> int',
    (value: SemverValue) => value.version.numbers[index],
    fixedCost(1),
  );
}

export const semverLibrary: Library = {
  overloads: [
    fn('semver', 'string_to_semver', 'string -> kubernetes.Semver', read, traversal(0)),
    fn('semver', 'string_bool_to_semver', 'string, bool -> kubernetes.Semver', read, traversal(0)),
    fn('isSemver', 'is_semver_string', 'string -> bool', (text: string) => parse(text) !== undefined, traversal(0)),
    fn(
      'isSemver',
      'is_semver_string_bool',
      'string, bool -> bool',
      (text: string, loose: boolean) => parse(loose ? normalize(text) : text) !== undefined,
      traversal(0),
    ),
    method(
      'isGreaterThan',
      'semver_is_greater_than',
      `${two} -> bool`,
      (a: SemverValue, b: SemverValue) => compare(a, b) > 0,
    ),
    method(
      'isLessThan',
      'semver_is_less_than',
      `${two} -> bool`,
      (a: SemverValue, b: SemverValue) => compare(a, b) < 0,
    ),
    method('compareTo', 'semver_compare_to', `${two} -> int`, (a: SemverValue, b: SemverValue) =>
      BigInt(compare(a, b)),
    ),
    part('major', 0),
    part('minor', 1),
    part('patch', 2),
  ],
};
