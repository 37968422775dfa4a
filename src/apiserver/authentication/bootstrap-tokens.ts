/** `abcdef.0123456789abcdef`, kept as a Secret in kube-system: lets a new machine in until it has a certificate (Kubernetes, "Bootstrap Tokens"). */
import { timingSafeEqual } from 'node:crypto';
import type { Secret } from '../../api/generated/types/core-v1.ts';
import { resources } from '../../api/types.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Store } from '../../store/types.ts';
import { objectKey } from '../keys.ts';
import { decodeShared, recordOf } from '../object-record.ts';
import { identities, type UserInfo } from '../types.ts';

const form = /^([a-z0-9]{6})\.([a-z0-9]{16})$/;
const secretType = 'bootstrap.kubernetes.io/token';
const bootstrappers = 'system:bootstrappers';
const groupName = /^system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]$/;

/** Undefined: not such a token, or no good. */
export function bootstrapTokenUser(store: Pick<Store, 'get'>, clock: Clock, token: string): UserInfo | undefined {
  const [, id, sent] = form.exec(token) ?? [];
  if (id === undefined || sent === undefined) return undefined;
  const item = store.get(objectKey(resources.secrets, 'kube-system', `bootstrap-token-${id}`));
  const secret = item && (decodeShared(recordOf(item)) as Secret);
  if (!secret || secret.type !== secretType || secret.metadata?.deletionTimestamp) return undefined;
  const field = (name: string) => Buffer.from(secret.data?.[name] ?? '', 'base64').toString();
  const kept = Buffer.from(field('token-secret'));
  const given = Buffer.from(sent);
  if (kept.length !== given.length || !timingSafeEqual(kept, given) || field('token-id') !== id) return undefined;
  const expiration = field('expiration');
  if (expiration !== '' && !(Date.parse(expiration) > clock.nowMs())) return undefined;
  if (field('usage-bootstrap-authentication') !== 'true') return undefined;
  const extra = field('auth-extra-groups')
    .split(',')
    .filter((group) => group !== '');
  if (!extra.every((group) => groupName.test(group))) return undefined;
  return { name: `system:bootstrap:${id}`, groups: [bootstrappers, ...extra, identities.authenticatedGroup] };
}
