/**
 * Name rules. Each function returns undefined when the text is right, else what is wrong, in upstream's words since clients
 * and their tests compare them.
 */

const label = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const subdomain = `${label}(\\.${label})*`;
const label1035 = '[a-z]([-a-z0-9]*[a-z0-9])?';
const qualifiedName = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]';
const labelValue = `(${qualifiedName})?`;
const envVarName = '[-._a-zA-Z][-._a-zA-Z0-9]*';
const configMapKey = '[-._a-zA-Z0-9]+';

const maxLabelLength = 63;
const maxSubdomainLength = 253;

function rule(pattern: string, maxLength: number, words: string): (text: string) => string | undefined {
  const expression = new RegExp(`^(?:${pattern})$`);
  return (text) => {
    if (text.length > maxLength) return tooLong(maxLength);
    return expression.test(text) ? undefined : words;
  };
}

function tooLong(maxLength: number): string {
  return `must be no more than ${maxLength} characters`;
}

function words(what: string, pattern: string, ...examples: string[]): string {
  const quoted = examples.map((example) => `'${example}'`).join(`,  or `);
  return `${what} (e.g. ${quoted}, regex used for validation is '${pattern}')`;
}

export const dns1123Label = rule(
  label,
  maxLabelLength,
  words(
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character",
    label,
    'my-name',
    '123-abc',
  ),
);

export const dns1123Subdomain = rule(
  subdomain,
  maxSubdomainLength,
  words(
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character",
    subdomain,
    'example.com',
  ),
);

const wildcard = `\\*\\.${subdomain}`;

/** `*.example.com`. */
export const wildcardSubdomain = rule(
  wildcard,
  maxSubdomainLength,
  words(
    "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character",
    wildcard,
    '*.example.com',
  ),
);

export const dns1035Label = rule(
  label1035,
  maxLabelLength,
  words(
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character",
    label1035,
    'my-name',
    'abc-123',
  ),
);

const qualifiedNamePart = rule(
  qualifiedName,
  maxLabelLength,
  words(
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
    qualifiedName,
    'MyName',
    'my.name',
    '123-abc',
  ),
);

/** Label values: empty, or as the name part of a label key. */
export const validLabelValue = rule(
  labelValue,
  maxLabelLength,
  words(
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
    labelValue,
    'MyValue',
    'my_value',
    '12345',
  ),
);

/** Label and annotation keys, finalizers: `name` or `prefix/name`. */
export function validQualifiedName(text: string): string | undefined {
  const parts = text.split('/');
  const name = parts.at(-1)!;
  if (parts.length > 2) {
    return `a qualified name must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '${qualifiedName}') with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`;
  }
  if (parts.length === 2) {
    if (parts[0] === '') return 'prefix part must be non-empty';
    const problem = dns1123Subdomain(parts[0]!);
    if (problem) return `prefix part ${problem}`;
  }
  if (name === '') return 'name part must be non-empty';
  if (name.length > maxLabelLength) return `name part ${tooLong(maxLabelLength)}`;
  return qualifiedNamePart(name);
}

/** Keys of ConfigMaps and Secrets. */
export function validConfigMapKey(text: string): string | undefined {
  if (text.length > maxSubdomainLength) return tooLong(maxSubdomainLength);
  if (!new RegExp(`^${configMapKey}$`).test(text)) {
    return words(
      "a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
      configMapKey,
      'key.name',
      'KEY_NAME',
      'key-name',
    );
  }
  if (text === '.') return "must not be '.'";
  if (text.startsWith('..')) return text === '..' ? "must not be '..'" : "must not start with '..'";
  return undefined;
}

/** Environment variables: any printable ASCII but `=`. */
export function validEnvVarName(text: string): string | undefined {
  if (text === '') return 'environment variable name must be non-empty';
  if (/^[\x20-\x3c\x3e-\x7e]+$/.test(text)) return undefined;
  return words(
    "a valid environment variable name must consist only of printable ASCII characters other than '='",
    envVarName,
    'my.env-name',
    'MY_ENV.NAME',
    'MyEnvName1',
  );
}

/** Path segments: names of RBAC objects, which may hold `:` and upper case. */
export function validPathSegment(text: string): string | undefined {
  if (text === '.' || text === '..') return `may not be '${text}'`;
  if (text.includes('/')) return "may not contain '/'";
  return text.includes('%') ? "may not contain '%'" : undefined;
}

const portNamePattern = /^[a-z0-9-]+$/;

/** IANA service names, as container and service ports use them. */
export function validPortName(text: string): string | undefined {
  if (text.length > 15) return 'must be no more than 15 characters';
  if (!portNamePattern.test(text)) {
    return 'must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)';
  }
  if (!/[a-z]/.test(text)) return 'must contain at least one letter (a-z)';
  if (text.includes('--')) return 'must not contain consecutive hyphens';
  return /^-|-$/.test(text) ? 'must not begin or end with a hyphen' : undefined;
}
