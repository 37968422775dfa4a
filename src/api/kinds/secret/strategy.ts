/** What is particular about Secrets: a type that says which keys must be there, and `stringData`, which is only ever written. */
import type { FieldError } from '../../definition.ts';
import type { Secret } from '../../generated/types/core-v1.ts';
import { fieldInvalid, fieldRequired } from '../../meta/field-error.ts';
import { validateImmutable, validateKeys, validateSize } from '../data/validate-data.ts';
import { typedStrategy } from '../strategy.ts';

const serviceAccountName = 'kubernetes.io/service-account.name';

const requiredKeys: Readonly<Record<string, readonly string[]>> = {
  'kubernetes.io/dockercfg': ['.dockercfg'],
  'kubernetes.io/dockerconfigjson': ['.dockerconfigjson'],
  'kubernetes.io/ssh-auth': ['ssh-privatekey'],
  'kubernetes.io/tls': ['tls.crt', 'tls.key'],
};

/** Files of JSON: kept away from nodes that could not read them. */
const jsonKeys: readonly string[] = ['.dockercfg', '.dockerconfigjson'];

export const secretStrategy = typedStrategy<Secret>({
  setDefaults(secret) {
    secret.type ||= 'Opaque';
    if (!secret.stringData) return;
    secret.data ??= {};
    for (const [key, value] of Object.entries(secret.stringData)) {
      secret.data[key] = Buffer.from(value).toString('base64');
    }
    delete secret.stringData;
  },
  validate(secret) {
    return [
      ...validateKeys(secret.data, 'data'),
      ...validateSize('data', undefined, secret.data),
      ...validateType(secret),
    ];
  },
  validateUpdate(secret, old) {
    const errors = validateImmutable(secret, old);
    if (secret.type !== old.type) errors.push(fieldInvalid('type', secret.type, 'field is immutable'));
    return errors;
  },
});

function validateType({ type = '', data = {}, metadata }: Secret): FieldError[] {
  if (type === 'kubernetes.io/service-account-token') {
    const name = metadata?.annotations?.[serviceAccountName];
    return name ? [] : [fieldRequired(`metadata.annotations[${serviceAccountName}]`)];
  }
  if (type === 'kubernetes.io/basic-auth') {
    const keys = ['username', 'password'];
    return keys.some((key) => Object.hasOwn(data, key)) ? [] : keys.map((key) => fieldRequired(`data[${key}]`));
  }
  return (requiredKeys[type] ?? []).flatMap((key) => {
    if (!Object.hasOwn(data, key)) return [fieldRequired(`data[${key}]`)];
    return jsonKeys.includes(key) ? validateJson(`data[${key}]`, data[key]!) : [];
  });
}

function validateJson(field: string, base64: string): FieldError[] {
  try {
    JSON.parse(Buffer.from(base64, 'base64').toString('utf8'));
    return [];
  } catch (error) {
    return [fieldInvalid(field, '<secret contents redacted>', (error as Error).name)];
  }
}
