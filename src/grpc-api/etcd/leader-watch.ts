/** Streams whose client asks for a leader (`hasleader: true`, as etcd's clients do) end when there is none for a while. */

import type { Call } from '../../lib/lean-grpc/index.ts';
import type { Proposer } from '../../raft/types.ts';
import { etcdError } from './errors.ts';
import { leaderlessLimitMs } from './limits.ts';

export type LeaderSource = Pick<Proposer<unknown>, 'leadership' | 'onLeadership'>;

const guarded = new WeakMap<LeaderSource, Set<Call>>();

export function requireLeader(call: Call, source: LeaderSource): void {
  if (call.header('hasleader') !== 'true') return;
  let calls = guarded.get(source);
  if (!calls) {
    calls = new Set();
    guarded.set(source, calls);
    guard(source, calls);
  }
  for (const one of calls) {
    // Calls that ended are dropped from the front, where the oldest are.
    if (!one.ended) break;
    calls.delete(one);
  }
  calls.add(call);
}

function guard(source: LeaderSource, calls: Set<Call>): void {
  let timer: NodeJS.Timeout | undefined;
  const end = (): void => {
    for (const call of calls) call.fail(etcdError('noLeader').status, etcdError('noLeader').message);
    calls.clear();
  };
  const look = (): void => {
    clearTimeout(timer);
    timer = undefined;
    if (source.leadership().leaderId === undefined) timer = setTimeout(end, leaderlessLimitMs).unref();
  };
  source.onLeadership(look);
  look();
}
