/** `audit.k8s.io/v1 Event`: one stage of one request. Pure. */
import type { Status } from '../../api/status.ts';
import type { RequestInfo } from '../http/request-info.ts';
import type { UserInfo } from '../types.ts';
import type { Decision, Stage } from './policy.ts';

export interface AuditedRequest {
  readonly auditId: string;
  readonly info: RequestInfo;
  readonly requestUri: string;
  readonly caller: UserInfo;
  /** Whom the caller acts as, if not as itself. */
  readonly impersonated: UserInfo | undefined;
  readonly sourceIps: readonly string[];
  readonly userAgent: string | undefined;
  readonly receivedMs: number;
}

export interface AuditOutcome {
  readonly code: number;
  /** Of a failure, or of a deletion. */
  readonly status?: Status | undefined;
  readonly requestObject?: unknown;
  readonly responseObject?: unknown;
  readonly annotations: Readonly<Record<string, string>>;
}

export function auditEvent(
  request: AuditedRequest,
  decision: Decision,
  stage: Stage,
  outcome: AuditOutcome | undefined,
  nowMs: number,
): object {
  const { level, omitManagedFields } = decision;
  const { info, userAgent, impersonated } = request;
  const withRequest = level === 'Request' || level === 'RequestResponse';
  const requestObject = withRequest ? shown(outcome?.requestObject, omitManagedFields) : undefined;
  const responseObject = level === 'RequestResponse' ? shown(outcome?.responseObject, omitManagedFields) : undefined;
  const annotations = outcome?.annotations ?? {};
  return {
    kind: 'Event',
    apiVersion: 'audit.k8s.io/v1',
    level,
    auditID: request.auditId,
    stage,
    requestURI: request.requestUri,
    verb: info.verb,
    user: userOf(request.caller),
    ...(impersonated && { impersonatedUser: userOf(impersonated) }),
    ...(request.sourceIps.length > 0 && { sourceIPs: request.sourceIps }),
    ...(userAgent && { userAgent }),
    ...(info.kind === 'resource' && { objectRef: objectRefOf(info, outcome) }),
    ...(outcome && { responseStatus: statusOf(outcome) }),
    ...(requestObject !== undefined && { requestObject }),
    ...(responseObject !== undefined && { responseObject }),
    requestReceivedTimestamp: microTime(request.receivedMs),
    stageTimestamp: microTime(nowMs),
    ...(Object.keys(annotations).length > 0 && { annotations }),
  };
}

function userOf({ name, uid, groups, extra }: UserInfo): object {
  return { username: name, ...(uid && { uid }), ...(groups.length > 0 && { groups }), ...(extra && { extra }) };
}

type Meta = {
  readonly metadata?: { readonly name?: string; readonly uid?: string; readonly resourceVersion?: string };
};

function objectRefOf(info: Extract<RequestInfo, { kind: 'resource' }>, outcome: AuditOutcome | undefined): object {
  const { group, version, resource } = info.resource;
  const sent = (outcome?.requestObject as Meta | undefined)?.metadata;
  const name = info.name ?? sent?.name;
  return {
    resource,
    ...(info.namespace && { namespace: info.namespace }),
    ...(name && { name }),
    ...(sent?.uid && { uid: sent.uid }),
    ...(group !== '' && { apiGroup: group }),
    apiVersion: version,
    ...(sent?.resourceVersion && { resourceVersion: sent.resourceVersion }),
    ...(info.subresource && { subresource: info.subresource }),
  };
}

function statusOf({ code, status }: AuditOutcome): object {
  if (status?.status !== 'Failure') return { metadata: {}, code };
  const { reason, message, details } = status;
  return { metadata: {}, status: 'Failure', message, reason, ...(details && { details }), code };
}

/** Without managed fields where they are not wanted. */
function shown(object: unknown, omitManagedFields: boolean): unknown {
  if (!omitManagedFields || object === null || typeof object !== 'object') return object;
  const { items } = object as { items?: unknown };
  if (Array.isArray(items)) return { ...object, items: items.map((item) => shown(item, true)) };
  const { metadata } = object as { metadata?: Record<string, unknown> };
  if (!metadata || metadata.managedFields === undefined) return object;
  const { managedFields: _managedFields, ...rest } = metadata;
  return { ...object, metadata: rest };
}

function microTime(ms: number): string {
  return new Date(ms).toISOString().replace('Z', '000Z');
}
