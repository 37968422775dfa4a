/** How many seats each priority level has, from the shares that their objects name. Pure. */
import type { LevelLimits } from './priority-level.ts';
import type { PriorityLevelConfiguration } from './types.ts';

const defaultShares = 30;

export function limitsOf(
  levels: readonly PriorityLevelConfiguration[],
  totalSeats: number,
): ReadonlyMap<string, LevelLimits> {
  const limited = levels.filter(({ spec }) => spec?.type === 'Limited');
  const sharesOf = ({ spec }: PriorityLevelConfiguration) => spec?.limited?.nominalConcurrencyShares ?? defaultShares;
  const allShares = limited.reduce((sum, level) => sum + sharesOf(level), 0);
  return new Map(
    limited.map((level) => {
      const { lendablePercent = 0, borrowingLimitPercent, limitResponse } = level.spec?.limited ?? {};
      const nominalSeats = Math.max(1, Math.ceil((totalSeats * sharesOf(level)) / Math.max(1, allShares)));
      const { queues = 64, handSize = 8, queueLengthLimit = 50 } = limitResponse?.queuing ?? {};
      return [
        level.metadata?.name ?? '',
        {
          nominalSeats,
          lendableSeats: Math.round((nominalSeats * lendablePercent) / 100),
          borrowingLimit:
            borrowingLimitPercent === undefined ? totalSeats : Math.round((nominalSeats * borrowingLimitPercent) / 100),
          queuing: limitResponse?.type === 'Queue' ? { queues, handSize, queueLengthLimit } : undefined,
        },
      ];
    }),
  );
}
