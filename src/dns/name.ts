/**
 * Names as lists of labels in lower case, one character per byte (latin1), so that any bytes survive and comparing ignores case as RFC 4343
 * has it. Pure.
 */

const maxNameBytes = 255;
const maxLabelBytes = 63;

export type Labels = readonly string[];

export interface ReadName {
  readonly labels: Labels;
  /** After the name. */
  readonly end: number;
}

/** Reads a name without compression, as a question has it. Undefined: there is none at `offset`. */
export function readName(bytes: Buffer, offset: number): ReadName | undefined {
  const labels: string[] = [];
  let at = offset;
  for (;;) {
    const length = bytes[at];
    if (length === undefined || length > maxLabelBytes) return undefined;
    at++;
    if (length === 0) return { labels, end: at };
    if (at + length >= bytes.length || at + length - offset >= maxNameBytes) return undefined;
    labels.push(lowerCase(bytes.toString('latin1', at, at + length)));
    at += length;
  }
}

/** Where the name at `offset` ends, compressed or not. Undefined: there is none. */
export function skipName(bytes: Buffer, offset: number): number | undefined {
  let at = offset;
  while (at - offset < maxNameBytes) {
    const length = bytes[at];
    if (length === undefined) return undefined;
    if (length === 0) return at + 1;
    if (length >= 0xc0) return at + 2 <= bytes.length ? at + 2 : undefined;
    if (length > maxLabelBytes) return undefined;
    at += length + 1;
  }
  return undefined;
}

/** ASCII only: other bytes are no letters to the DNS. */
function lowerCase(label: string): string {
  return /[A-Z]/.test(label) ? label.replace(/[A-Z]+/g, (letters) => letters.toLowerCase()) : label;
}

/** `web.default.svc` → its labels. A dot at the end says nothing. */
export function labelsOf(name: string): Labels {
  return name
    .replace(/\.$/, '')
    .split('.')
    .filter((label) => label !== '')
    .map(lowerCase);
}

/** The labels before `suffix`, or undefined when the name does not end with it. */
export function before(labels: Labels, suffix: Labels): Labels | undefined {
  const length = labels.length - suffix.length;
  if (length < 0) return undefined;
  for (let i = 0; i < suffix.length; i++) if (labels[length + i] !== suffix[i]) return undefined;
  return labels.slice(0, length);
}
