/** `apiServer` of a master's configuration. Relative paths are relative to the file that it is in. */
import type { AuditConfig } from './audit/index.ts';
import type { OidcConfig } from './authentication/oidc.ts';
import type { TokenWebhookConfig } from './authentication/webhook.ts';
import type { AuthorizationWebhookConfig } from './authorization/webhook.ts';
import type { TracingConfig } from './tracing/index.ts';

export interface ApiServerConfig {
  /** Absent: nothing is audited. */
  readonly audit?: AuditConfig | undefined;
  /** Absent: nothing is traced. */
  readonly tracing?: TracingConfig | undefined;
  /** Who tells who somebody is, besides certificates and service accounts. */
  readonly authentication?: {
    readonly oidc?: readonly OidcConfig[] | undefined;
    readonly webhook?: TokenWebhookConfig | undefined;
  };
  /** Who says what is allowed, besides the roles and the rules for nodes. */
  readonly authorization?: { readonly webhooks?: readonly AuthorizationWebhookConfig[] | undefined };
}

/** Makes paths absolute: every text under a name that ends with `File`, and the path of the audit log. */
export function resolveApiServerConfig(config: ApiServerConfig, path: (value: string) => string): ApiServerConfig {
  return resolved(config, path) as ApiServerConfig;
}

function resolved(value: unknown, path: (value: string) => string, name = ''): unknown {
  if (typeof value === 'string') {
    const isPath = name.endsWith('File') || (name === 'path' && value !== '-');
    return isPath ? path(value) : value;
  }
  if (Array.isArray(value)) return value.map((item) => resolved(item, path));
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, resolved(inner, path, key)]));
}
