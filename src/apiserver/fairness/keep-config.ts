/** On the leader: the default objects, and the condition `Dangling` of FlowSchemas. */
import { isReason } from '../../api/status.ts';
import { delay } from '../../client/backoff.ts';
import type { ApiClient, LeaderContext } from '../../client/types.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import { ensureDefaultConfig, flowSchemas } from './default-config.ts';
import type { Fairness } from './index.ts';
import type { FlowSchema } from './types.ts';

const checkMs = 2_000;

/** Resolves once the default objects are there; goes on until the signal aborts. @throws ApiError */
export async function startKeepingConfig(
  { client, signal }: LeaderContext,
  fairness: Fairness,
  clock: Clock,
  logger: Logger,
): Promise<void> {
  await ensureDefaultConfig(client);
  const loop = async (): Promise<void> => {
    let seen = -1;
    while (!signal.aborted) {
      const { changes } = fairness;
      try {
        if (changes !== seen) {
          await ensureDefaultConfig(client);
          await Promise.all(fairness.schemas().map((one) => tell(client, one, clock.nowMs())));
        }
        seen = changes;
      } catch (error) {
        if (!signal.aborted) logger.warn({ error: String(error) }, 'FlowSchemas could not be kept; next try soon');
      }
      await delay(clock, checkMs, signal);
    }
  };
  void loop();
}

async function tell(
  client: ApiClient,
  { schema, dangling }: { readonly schema: FlowSchema; readonly dangling: boolean },
  nowMs: number,
): Promise<void> {
  const level = schema.spec?.priorityLevelConfiguration.name ?? '';
  const [status, reason, end] = dangling
    ? ['True', 'NotFound', 'there is no such object']
    : ['False', 'Found', 'it exists'];
  const old = schema.status?.conditions?.find(({ type }) => type === 'Dangling');
  const which = `This FlowSchema references the PriorityLevelConfiguration object named ${JSON.stringify(level)}`;
  const message = `${which} ${dangling ? 'but' : 'and'} ${end}`;
  if (old?.status === status && old.message === message) return;
  const lastTransitionTime =
    old?.status === status ? old.lastTransitionTime : new Date(nowMs).toISOString().replace(/\.\d+Z$/, 'Z');
  const others = (schema.status?.conditions ?? []).filter(({ type }) => type !== 'Dangling');
  const conditions = [...others, { type: 'Dangling', status, reason, message, lastTransitionTime }];
  try {
    await client.update(flowSchemas, { ...schema, status: { ...schema.status, conditions } } as FlowSchema, 'status');
  } catch (error) {
    if (!isReason(error, 'Conflict') && !isReason(error, 'NotFound')) throw error;
  }
}
