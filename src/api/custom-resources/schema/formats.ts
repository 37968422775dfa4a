/** Formats of strings that custom resources can ask for. Others are ignored, as Kubernetes does. */
import { isIPv4, isIPv6 } from 'node:net';
import { parseUrl } from '../../cel/url.ts';
import { parseCidr } from '../../meta/ip.ts';
import { dns1123Label, dns1123Subdomain } from '../../meta/names.ts';

type Test = (text: string) => boolean;

const day = /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$/;

function isDate(text: string): boolean {
  return day.test(text) && new Date(`${text}T00:00:00Z`).toJSON()?.startsWith(text) === true;
}

const instant = /^(\d{4}-\d{2}-\d{2})[Tt](\d{2}):(\d{2}):(\d{2})(?:[.,]\d+)?(?:[Zz]|[+-]\d{2}:?\d{2})$/;

function isInstant(text: string): boolean {
  const match = instant.exec(text);
  if (!match || !isDate(match[1]!)) return false;
  return Number(match[2]) < 24 && Number(match[3]) < 60 && Number(match[4]) < 60;
}

const goDuration = /^[-+]?(?:0|(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+)$/;
const wordDuration =
  /^\s*\d+\s*(?:n|nanos?|nanosecs?|nanoseconds?|ns|u|us|µs|micros?|microsecs?|microseconds?|m|ms|millis?|millisecs?|milliseconds?|s|secs?|seconds?|mins?|minutes?|h|hrs?|hours?|d|days?|w|wk|weeks?)\s*$/i;

function digitSum(text: string, weights: (index: number) => number): number {
  return [...text].reduce((sum, letter, index) => sum + (letter === 'X' ? 10 : Number(letter)) * weights(index), 0);
}

function isIsbn10(text: string): boolean {
  const digits = text.replace(/[\s-]/g, '');
  return /^\d{9}[\dX]$/.test(digits) && digitSum(digits, (index) => 10 - index) % 11 === 0;
}

function isIsbn13(text: string): boolean {
  const digits = text.replace(/[\s-]/g, '');
  return /^\d{13}$/.test(digits) && digitSum(digits, (index) => (index % 2 === 0 ? 1 : 3)) % 10 === 0;
}

function isCreditCard(text: string): boolean {
  const digits = text.replace(/[\s-]/g, '');
  if (
    !/^(?:4\d{12}(?:\d{3})?|5[1-5]\d{14}|6(?:011|5\d\d)\d{12}|3[47]\d{13}|3(?:0[0-5]|[68]\d)\d{11}|(?:2131|1800|35\d{3})\d{11})$/.test(
      digits,
    )
  ) {
    return false;
  }
  const sum = [...digits].reverse().reduce((total, letter, index) => {
    const doubled = Number(letter) * (index % 2 === 0 ? 1 : 2);
    return total + (doubled > 9 ? doubled - 9 : doubled);
  }, 0);
  return sum % 10 === 0;
}

function matches(pattern: RegExp): Test {
  return (text) => pattern.test(text);
}

function uuid(version: string): Test {
  return matches(new RegExp(`^[0-9a-f]{8}-?[0-9a-f]{4}-?${version}[0-9a-f]{3}-?[0-9a-f]{4}-?[0-9a-f]{12}$`, 'i'));
}

const hostname =
  /^(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*\.?$/;
const email = /^[^\s@<>,]+@[^\s@<>,]+$/;

const tests: ReadonlyMap<string, Test> = new Map<string, Test>([
  ['bsonobjectid', matches(/^[0-9a-f]{24}$/i)],
  ['uri', (text) => parseUrl(text) !== undefined],
  ['email', matches(email)],
  ['hostname', (text) => text.length <= 255 && hostname.test(text)],
  ['ipv4', isIPv4],
  ['ipv6', isIPv6],
  ['cidr', (text) => parseCidr(text) !== undefined],
  ['mac', matches(/^(?:[0-9a-f]{2}([:-]))(?:[0-9a-f]{2}\1){4,6}[0-9a-f]{2}$|^(?:[0-9a-f]{4}\.){2,3}[0-9a-f]{4}$/i)],
  ['uuid', uuid('[0-9a-f]')],
  ['uuid3', uuid('3')],
  ['uuid4', uuid('4')],
  ['uuid5', uuid('5')],
  ['isbn', (text) => isIsbn10(text) || isIsbn13(text)],
  ['isbn10', isIsbn10],
  ['isbn13', isIsbn13],
  ['creditcard', isCreditCard],
  ['ssn', matches(/^\d{3}[- ]?\d{2}[- ]?\d{4}$/)],
  ['hexcolor', matches(/^#?(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})$/)],
  [
    'rgbcolor',
    matches(/^rgb\(\s*(?:\d{1,2}|1\d\d|2[0-4]\d|25[0-5])\s*(?:,\s*(?:\d{1,2}|1\d\d|2[0-4]\d|25[0-5])\s*){2}\)$/),
  ],
  ['byte', matches(/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/)],
  ['password', () => true],
  ['date', isDate],
  ['duration', (text) => goDuration.test(text) || wordDuration.test(text)],
  ['date-time', isInstant],
  ['datetime', isInstant],
  ['k8s-short-name', (text) => dns1123Label(text) === undefined],
  ['k8s-long-name', (text) => dns1123Subdomain(text) === undefined],
]);

export function isKnownFormat(format: string): boolean {
  return tests.has(format.replaceAll('_', '-'));
}

/** True for a format that nobody knows. */
export function matchesFormat(format: string, text: string): boolean {
  return tests.get(format)?.(text) ?? true;
}
