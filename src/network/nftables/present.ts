/** Reads what `nft -j -t list table` prints: which chains and sets are there. Pure. */
import type { Hook, PresentSet, PresentTable } from './types.ts';

interface Listed {
  readonly chain?: { name: string; type?: string; hook?: string; prio?: number; policy?: string };
  readonly set?: ListedSet;
  readonly map?: ListedSet;
}

interface ListedSet {
  readonly name: string;
  readonly type: unknown;
  readonly timeout?: number;
}

export function parsePresent(json: string): PresentTable {
  const { nftables } = JSON.parse(json) as { nftables: readonly Listed[] };
  const chains = new Map<string, Hook | undefined>();
  const sets = new Map<string, PresentSet>();
  for (const { chain, set, map } of nftables) {
    if (chain) chains.set(chain.name, hookOf(chain));
    if (set) sets.set(set.name, setOf(set, 'set'));
    if (map) sets.set(map.name, setOf(map, 'map'));
  }
  return { chains, sets };
}

function hookOf({ type, hook, prio = 0, policy }: NonNullable<Listed['chain']>): Hook | undefined {
  if (type === undefined || hook === undefined) return undefined;
  return { type, hook, priority: prio, policy: policy ?? 'accept' } as Hook;
}

function setOf({ type, timeout }: ListedSet, kind: 'set' | 'map'): PresentSet {
  const parts = Array.isArray(type) ? (type as unknown[]) : [type];
  return { kind, keyType: parts.join(' . '), timeoutSeconds: timeout };
}
