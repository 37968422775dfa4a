/** Credentials for a registry out of image pull secrets (types dockerconfigjson and dockercfg). Pure. */
import type { Secret } from '../../api/generated/types/core-v1.ts';
import type { RegistryAuth } from '../runtime/runtime.ts';
import { normalizeReference } from './reference.ts';

interface AuthEntry {
  username?: string;
  password?: string;
  auth?: string;
}

/** The first entry whose host is the image's registry; undefined when none is. Secrets that cannot be read are skipped. */
export function registryAuth(image: string, secrets: readonly Secret[]): RegistryAuth | undefined {
  const registry = normalizeReference(image).split('/')[0]!;
  for (const secret of secrets) {
    for (const [key, entry] of Object.entries(entriesOf(secret))) {
      const host = key.replace(/^https?:\/\//, '').split('/')[0]!;
      const matches = host === registry || (registry === 'docker.io' && host === 'index.docker.io');
      if (!matches) continue;
      if (entry.username !== undefined) return { username: entry.username, password: entry.password ?? '' };
      const [username = '', ...rest] = Buffer.from(entry.auth ?? '', 'base64')
        .toString()
        .split(':');
      if (username !== '') return { username, password: rest.join(':') };
    }
  }
  return undefined;
}

function entriesOf(secret: Secret): Record<string, AuthEntry> {
  const modern = secret.data?.['.dockerconfigjson'];
  const text = Buffer.from(modern ?? secret.data?.['.dockercfg'] ?? '', 'base64').toString();
  try {
    const parsed = JSON.parse(text) as { auths?: Record<string, AuthEntry> } & Record<string, AuthEntry>;
    return modern === undefined ? parsed : (parsed.auths ?? {});
  } catch {
    // The API server validates these; one that slipped through must not keep the others from being used.
    return {};
  }
}
