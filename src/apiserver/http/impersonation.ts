/** `Impersonate-User` and its kin: one who may, acts as somebody else. Never passed over in silence: that would act as the caller. */
import type { IncomingHttpHeaders } from 'node:http';
import { ApiError } from '../../api/status.ts';
import { anonymousUser } from '../authentication/index.ts';
import { serviceAccountUser } from '../authentication/service-account-tokens.ts';
import { type Authorizer, identities, type UserInfo } from '../types.ts';

const extraPrefix = 'impersonate-extra-';
const accountPrefix = 'system:serviceaccount:';

/** Most groups, and values of extra, that a request may ask for. */
const maxValues = 64;

/** @throws ApiError Forbidden, BadRequest */
export async function impersonate(
  headers: IncomingHttpHeaders,
  caller: UserInfo,
  authorizer: Authorizer,
): Promise<UserInfo> {
  const name = single(headers['impersonate-user']);
  const uid = single(headers['impersonate-uid']);
  const groups = list(headers['impersonate-group']);
  const extra = extraOf(headers);
  if (name === undefined) {
    if (groups.length === 0 && uid === undefined && Object.keys(extra).length === 0) return caller;
    throw new ApiError('BadRequest', 'requested impersonation of groups, uid or extra without impersonating a user');
  }
  if (groups.length + Object.values(extra).flat().length > maxValues) {
    throw new ApiError('BadRequest', `more than ${maxValues} groups and values of extra to impersonate`);
  }
  const check = (resource: string, asked: string, place: Place = {}) =>
    mayActAs(authorizer, caller, resource, asked, place);
  const account = accountOf(name);
  if (account) await check('serviceaccounts', account.name, { namespace: account.namespace });
  else await check('users', name);
  for (const group of groups) await check('groups', group);
  for (const [key, values] of Object.entries(extra)) {
    for (const value of values) await check('userextras', value, { group: authenticationGroup, subresource: key });
  }
  if (uid !== undefined) await check('uids', uid, { group: authenticationGroup });
  return {
    name,
    groups: groupsOf(name, groups, account),
    ...(uid !== undefined && { uid }),
    ...(Object.keys(extra).length > 0 && { extra }),
  };
}

const authenticationGroup = 'authentication.k8s.io';

interface Place {
  readonly group?: string;
  readonly namespace?: string;
  readonly subresource?: string;
}

async function mayActAs(
  authorizer: Authorizer,
  user: UserInfo,
  resource: string,
  name: string,
  { group = '', namespace, subresource }: Place,
): Promise<void> {
  const decision = await authorizer.authorize({
    user,
    verb: 'impersonate',
    resource: { group, version: 'v1', resource },
    namespace,
    subresource,
    name,
    path: '',
  });
  if (decision.allowed) return;
  const full = subresource === undefined ? resource : `${resource}/${subresource}`;
  const scope = namespace === undefined ? 'at the cluster scope' : `in the namespace "${namespace}"`;
  const qualified = group === '' ? resource : `${resource}.${group}`;
  throw new ApiError(
    'Forbidden',
    `${qualified} ${JSON.stringify(name)} is forbidden: User "${user.name}" cannot impersonate resource "${full}" in API group "${group}" ${scope}`,
    { name, ...(group !== '' && { group }), kind: resource },
  );
}

/** What everybody of that kind belongs to comes by itself. */
function groupsOf(name: string, groups: readonly string[], account: Account | undefined): string[] {
  const given = account && groups.length === 0 ? serviceAccountUser(account.namespace, account.name).groups : groups;
  if (name === anonymousUser.name) return [...new Set([...given, identities.unauthenticatedGroup])];
  if (given.includes(identities.unauthenticatedGroup)) return [...given];
  return [...new Set([...given, identities.authenticatedGroup])];
}

interface Account {
  readonly namespace: string;
  readonly name: string;
}

function accountOf(user: string): Account | undefined {
  if (!user.startsWith(accountPrefix)) return undefined;
  const [namespace, name, ...rest] = user.slice(accountPrefix.length).split(':');
  return namespace && name && rest.length === 0 ? { namespace, name } : undefined;
}

/** Keys come in lower case, percent-encoded where they must be. */
function extraOf(headers: IncomingHttpHeaders): Record<string, string[]> {
  const extra: Record<string, string[]> = {};
  for (const [header, value] of Object.entries(headers)) {
    if (!header.startsWith(extraPrefix) || value === undefined) continue;
    const key = header.slice(extraPrefix.length);
    extra[safelyDecoded(key)] = list(value);
  }
  return extra;
}

function safelyDecoded(key: string): string {
  try {
    return decodeURIComponent(key);
  } catch {
    return key;
  }
}

function single(value: string | string[] | undefined): string | undefined {
  return (Array.isArray(value) ? value[0] : value) || undefined;
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
