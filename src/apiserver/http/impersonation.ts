/** `Impersonate-User` and its kin: one who may, acts as somebody else. Never passed over in silence: that would act as the caller. */
import type { IncomingHttpHeaders } from 'node:http';
import { ApiError } from '../../api/status.ts';
import { type Authorizer, identities, type UserInfo } from '../types.ts';

const prefix = 'impersonate-extra-';

/** Most groups that a request may ask for. */
const maxGroups = 64;

/** @throws ApiError Forbidden, BadRequest */
export async function impersonate(
  headers: IncomingHttpHeaders,
  caller: UserInfo,
  authorizer: Authorizer,
): Promise<UserInfo> {
  const name = single(headers['impersonate-user']);
  const groups = list(headers['impersonate-group']);
  const others = Object.keys(headers).filter((header) => header.startsWith(prefix) || header === 'impersonate-uid');
  if (name === undefined) {
    if (groups.length === 0 && others.length === 0) return caller;
    throw new ApiError('BadRequest', 'requested impersonation of groups, uid or extra without impersonating a user');
  }
  if (groups.length > maxGroups) throw new ApiError('BadRequest', `more than ${maxGroups} groups to impersonate`);
  if (others.length > 0) throw new ApiError('BadRequest', `impersonation by ${others.join(', ')} is not supported`);
  await check(authorizer, caller, 'users', name);
  for (const group of groups) await check(authorizer, caller, 'groups', group);
  return { name, groups: [...new Set([...groups, identities.authenticatedGroup])] };
}

async function check(authorizer: Authorizer, user: UserInfo, resource: string, name: string): Promise<void> {
  const decision = await authorizer.authorize({
    user,
    verb: 'impersonate',
    resource: { group: '', version: 'v1', resource },
    name,
    path: '',
  });
  if (decision.allowed) return;
  throw new ApiError(
    'Forbidden',
    `${resource} ${JSON.stringify(name)} is forbidden: User "${user.name}" cannot impersonate resource "${resource}" in API group "" at the cluster scope`,
    { name, kind: resource },
  );
}

function single(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value || undefined;
}

/** HTTP/1.1 joins repeated headers by comma; so does HTTP/2 in Node.js. Group names have none. */
function list(value: string | string[] | undefined): string[] {
  if (value === undefined) return [];
  const values = Array.isArray(value) ? value : [value];
  return values
    .flatMap((one) => one.split(','))
    .map((one) => one.trim())
    .filter((one) => one !== '');
}
