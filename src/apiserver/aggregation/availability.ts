/** On the leader: whether aggregated API servers answer, as the condition `Available` of their APIServices. */
import type { APIService, APIServiceCondition } from '../../api/generated/types/apiregistration-v1.ts';
import type { Service } from '../../api/generated/types/core-v1.ts';
import { isReason } from '../../api/status.ts';
import { resources } from '../../api/types.ts';
import { delay } from '../../client/backoff.ts';
import type { ApiClient, LeaderContext } from '../../client/types.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Aggregator } from './aggregator.ts';
import { apiServices, type RemoteService } from './remote-services.ts';

/** While something is not available; else as below. */
const impatientMs = 1_000;
const patientMs = 10_000;
const timeoutMs = 5_000;
const checksAtOnce = 16;

type Verdict = Pick<APIServiceCondition, 'status' | 'reason' | 'message'>;

export function startAvailability(
  { client, signal }: LeaderContext,
  aggregator: Aggregator,
  clock: Clock,
  logger: Logger,
): void {
  const lastCheckedMs = new Map<string, number>();
  const round = async (): Promise<void> => {
    const nowMs = clock.monotonicMs();
    const remotes = aggregator.services.list();
    const due = remotes.filter(({ object, available }) => {
      const last = lastCheckedMs.get(`${object.metadata?.uid} ${object.metadata?.generation}`);
      return last === undefined || !available || nowMs - last >= patientMs;
    });
    for (let at = 0; at < due.length && !signal.aborted; at += checksAtOnce) {
      await Promise.all(due.slice(at, at + checksAtOnce).map((remote) => check(remote, nowMs)));
    }
    const known = new Set(remotes.map(({ object }) => `${object.metadata?.uid} ${object.metadata?.generation}`));
    for (const key of lastCheckedMs.keys()) if (!known.has(key)) lastCheckedMs.delete(key);
  };
  const check = async (remote: RemoteService, nowMs: number): Promise<void> => {
    const { metadata } = remote.object;
    lastCheckedMs.set(`${metadata?.uid} ${metadata?.generation}`, nowMs);
    const verdict = await judge(client, aggregator, remote);
    try {
      await tell(client, remote.object, verdict, new Date(clock.nowMs()).toISOString().replace(/\.\d+Z$/, 'Z'));
    } catch (error) {
      if (!isReason(error, 'Conflict') && !isReason(error, 'NotFound')) {
        logger.warn({ apiService: metadata?.name, error: String(error) }, 'availability could not be told');
      }
    }
  };
  const loop = async (): Promise<void> => {
    while (!signal.aborted) {
      await round().catch((error: unknown) => logger.warn({ error: String(error) }, 'availability round failed'));
      await delay(clock, impatientMs, signal);
    }
  };
  void loop();
}

export async function judge(
  client: Pick<ApiClient, 'get'>,
  aggregator: Pick<Aggregator, 'fetch'>,
  remote: RemoteService,
): Promise<Verdict> {
  const { namespace, name, port, group, version } = remote;
  const bad = (reason: string, message: string): Verdict => ({ status: 'False', reason, message });
  const where = `service/${name} in "${namespace}"`;
  try {
    const service = await client.get<Service>(resources.services, { namespace, name }, { resourceVersion: '0' });
    if (!service.spec?.ports?.some((one) => one.port === port)) {
      return bad('ServicePortError', `${where} is not listening on port ${port}`);
    }
  } catch (error) {
    if (isReason(error, 'NotFound')) return bad('ServiceNotFound', `${where} is not present`);
    return bad('ServiceAccessError', `${where} cannot be checked: ${(error as Error).message}`);
  }
  const path = `/apis/${group}/${version}`;
  try {
    const { status, body } = await aggregator.fetch(remote, path, AbortSignal.timeout(timeoutMs));
    if (status >= 200 && status < 300) return { status: 'True', reason: 'Passed', message: 'all checks passed' };
    const text = body.toString('utf8', 0, 200);
    return bad(
      'FailedDiscoveryCheck',
      `failing or missing response from ${where} at ${path}: bad status ${status}: ${text}`,
    );
  } catch (error) {
    const { message } = error as Error;
    if (message.startsWith('no endpoints available')) {
      return bad('MissingEndpoints', `endpoints for ${where} have no addresses with port name for port ${port}`);
    }
    return bad('FailedDiscoveryCheck', `failing or missing response from ${where} at ${path}: ${message}`);
  }
}

async function tell(client: ApiClient, service: APIService, verdict: Verdict, now: string): Promise<void> {
  const conditions = service.status?.conditions ?? [];
  const old = conditions.find(({ type }) => type === 'Available');
  // The words of a failure change with every try; what is told is that it fails, and why the first time.
  if (old?.status === verdict.status && old.reason === verdict.reason) return;
  const lastTransitionTime = old?.status === verdict.status ? old.lastTransitionTime : now;
  const condition = { type: 'Available', ...verdict, lastTransitionTime } as APIServiceCondition;
  const others = conditions.filter(({ type }) => type !== 'Available');
  await client.update(
    apiServices,
    { ...service, status: { ...service.status, conditions: [...others, condition] } },
    'status',
  );
}
