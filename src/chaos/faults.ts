/** The faults: what each does to a cluster, to whom, and how it is undone. */
import { Prng } from '../lib/prng.ts';
import type { ChaosTarget, FaultKind, Link, LinkShape } from './types.ts';

export interface Injected {
  /** Whom it hit, and how: for the timeline. */
  readonly detail: string;
  heal(): Promise<void>;
}

export interface FaultContext {
  readonly target: ChaosTarget;
  /** Undefined while nobody leads. */
  leader(): Promise<string | undefined>;
  /** Until this master answers and knows a leader. @throws Error when it does not in time */
  untilServing(master: string): Promise<void>;
  readonly prng: Prng;
}

/** How often the leader is hit when one member is to be chosen. */
const leaderChance = 0.7;
const slowSyncMs = [20, 400] as const;
const clockJumpsMs = [-3_600_000, -30_000, -1_000, 1_000, 30_000, 86_400_000] as const;

export function inject(
  kind: FaultKind,
  target: ChaosTarget,
  seed: number,
  rest: Omit<FaultContext, 'target' | 'prng'>,
) {
  return faults[kind]({ target, prng: new Prng(seed), ...rest });
}

const faults: Record<FaultKind, (context: FaultContext) => Promise<Injected>> = {
  async kill(context) {
    const master = await leaderOrAny(context, 1);
    await context.target.kill(master);
    return { detail: master, heal: () => bringBack(context, master) };
  },

  async 'kill-all'(context) {
    const { masters } = context.target;
    await Promise.all(masters.map((master) => context.target.kill(master)));
    return {
      detail: 'every master',
      async heal() {
        await Promise.all(masters.map((master) => context.target.start(master)));
        await Promise.all(masters.map((master) => context.untilServing(master)));
      },
    };
  },

  async restart(context) {
    const master = await leaderOrAny(context, leaderChance);
    await context.target.stop(master);
    return { detail: master, heal: () => bringBack(context, master) };
  },

  async 'rolling-restart'(context) {
    for (const master of context.target.masters) {
      await context.target.stop(master);
      await bringBack(context, master);
    }
    return { detail: 'every master, one after the other', heal: async () => undefined };
  },

  async pause(context) {
    const master = await leaderOrAny(context, leaderChance);
    await context.target.pause(master);
    return { detail: master, heal: () => context.target.resume(master) };
  },

  async partition(context) {
    const { detail, links } = await choosePartition(context);
    await context.target.block(links);
    return { detail, heal: () => context.target.block([]) };
  },

  loss: (context) => shaped(context, { lossPercent: context.prng.integer(5, 40) }),

  delay(context) {
    const delayMs = context.prng.pick([5, 20, 60, 120, 250]);
    return shaped(context, { delayMs, jitterMs: Math.ceil(delayMs / 2), reorderPercent: context.prng.pick([0, 10]) });
  },

  async clock(context) {
    const master = await leaderOrAny(context, 0.5);
    const offsetMs = context.prng.pick(clockJumpsMs);
    await context.target.clock(master, offsetMs);
    const seconds = `${offsetMs > 0 ? '+' : ''}${offsetMs / 1000} s`;
    return { detail: `${master} ${seconds}`, heal: () => context.target.clock(master, 0) };
  },

  'disk-full': (context) => brokenDisk(context, 'full'),
  'disk-error': (context) => brokenDisk(context, 'error'),

  async 'disk-slow'(context) {
    const master = await leaderOrAny(context, leaderChance);
    const syncMs = context.prng.integer(...slowSyncMs);
    await context.target.disk(master, { type: 'slow', syncMs });
    return { detail: `${master}, ${syncMs} ms per sync`, heal: () => context.target.disk(master, undefined) };
  },
};

/** A master whose disk fails ends, as it must; it comes back when the disk does. */
async function brokenDisk(context: FaultContext, type: 'full' | 'error'): Promise<Injected> {
  const master = await leaderOrAny(context, 0.5);
  await context.target.disk(master, { type });
  return {
    detail: master,
    async heal() {
      await context.target.disk(master, undefined);
      await bringBack(context, master);
    },
  };
}

async function shaped(context: FaultContext, shape: LinkShape): Promise<Injected> {
  const { masters } = context.target;
  const hit = context.prng.chance(0.4) ? masters : [await leaderOrAny(context, leaderChance)];
  await Promise.all(hit.map((master) => context.target.shape(master, shape)));
  const what = [
    shape.delayMs && `${shape.delayMs} ± ${shape.jitterMs} ms`,
    shape.reorderPercent && `${shape.reorderPercent} % out of order`,
    shape.lossPercent && `${shape.lossPercent} % lost`,
  ].filter(Boolean);
  return {
    detail: `${hit.length === masters.length ? 'every master' : hit.join(', ')}: ${what.join(', ')}`,
    heal: async () => {
      await Promise.all(hit.map((master) => context.target.shape(master, undefined)));
    },
  };
}

async function choosePartition(context: FaultContext): Promise<{ detail: string; links: Link[] }> {
  const { masters } = context.target;
  const one = await leaderOrAny(context, leaderChance);
  const others = masters.filter((master) => master !== one);
  const away = (from: readonly string[], to: readonly string[]) =>
    from.flatMap((a) => to.filter((b) => b !== a).map((b) => ({ from: a, to: b })));
  switch (context.prng.pick(['cut-off', 'cut-off', 'halves', 'mute', 'deaf', 'bridge', 'all'])) {
    case 'cut-off':
      return { detail: `${one} cut off`, links: [...away([one], others), ...away(others, [one])] };
    case 'halves': {
      const minority = [one, ...others.slice(0, Math.max(0, Math.ceil(masters.length / 2) - 2))];
      const majority = masters.filter((master) => !minority.includes(master));
      const links = [...away(minority, majority), ...away(majority, minority)];
      return { detail: `${minority.join(', ')} | ${majority.join(', ')}`, links };
    }
    case 'mute':
      return { detail: `${one} is not heard`, links: away([one], others) };
    case 'deaf':
      return { detail: `${one} does not hear`, links: away(others, [one]) };
    case 'bridge': {
      // Two sides that only one member sees both of.
      const [bridge, ...sides] = others;
      const links = [...away([one], sides), ...away(sides, [one])];
      return { detail: `${one} sees only ${bridge}`, links };
    }
    default:
      return { detail: 'everyone alone', links: away(masters, masters) };
  }
}

async function leaderOrAny({ target, leader, prng }: FaultContext, chance: number): Promise<string> {
  const any = prng.pick(target.masters);
  const leads = prng.chance(chance);
  return leads ? ((await leader()) ?? any) : any;
}

async function bringBack({ target, untilServing }: FaultContext, master: string): Promise<void> {
  await target.start(master);
  await untilServing(master);
}
