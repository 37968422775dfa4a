import { beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../../lib/clock.ts';
import { silentLogger } from '../../lib/logger.ts';
import { changes, isComplete, replace } from './changes.ts';
import { ForeignChanges } from './foreign-changes.ts';
import type { NftCommand } from './nft-command.ts';
import { Nftables } from './nftables.ts';
import { parsePresent } from './present.ts';
import type { Chain, NftSet, Table } from './types.ts';

const prerouting = { type: 'nat', hook: 'prerouting', priority: -100 } as const;

function table(chains: Record<string, Chain>, sets: Record<string, NftSet> = {}): Table {
  return { family: 'ip', name: 't', chains: new Map(Object.entries(chains)), sets: new Map(Object.entries(sets)) };
}

function verdicts(elements: Record<string, string>): NftSet {
  return { kind: 'map', type: 'type ipv4_addr : verdict', elements: new Map(Object.entries(elements)) };
}

const affinity: NftSet = {
  kind: 'set',
  type: 'type ipv4_addr',
  flags: ['dynamic', 'timeout'],
  timeoutSeconds: 60,
  elements: new Map(),
};

describe('changes', () => {
  it('is empty for equal tables', () => {
    const make = () => table({ a: { rules: ['drop'] } }, { m: verdicts({ '1.1.1.1': 'goto a' }), s: affinity });
    expect(changes(make(), make())).toEqual([]);
  });

  it('sends elements and rules that differ, and nothing else', () => {
    const from = table({ a: { rules: ['drop'] }, b: { rules: [] } }, { m: verdicts({ x: 'goto a', y: 'drop' }) });
    const to = table({ a: { rules: ['accept'] }, b: { rules: [] } }, { m: verdicts({ x: 'goto b', z: 'drop' }) });
    expect(changes(from, to)).toEqual([
      'delete element ip t m { x, y }',
      'flush chain ip t a',
      'add element ip t m { x : goto b, z : drop }',
      'add rule ip t a accept',
    ]);
  });

  it('declares what is new before anything refers to it, and empties what refers to something before that goes', () => {
    const from = table({ old: { rules: ['ip saddr @s drop'] } }, { m: verdicts({ x: 'goto old' }), s: affinity });
    const to = table({ new: { rules: ['drop'] } }, { m: verdicts({ x: 'goto new' }) });
    expect(changes(from, to)).toEqual([
      'add chain ip t new',
      'delete element ip t m { x }',
      'flush chain ip t old',
      'delete set ip t s',
      'delete chain ip t old',
      'add element ip t m { x : goto new }',
      'add rule ip t new drop',
    ]);
  });

  it('replaces the table, but keeps what packets put into it, when a hook changed', () => {
    const from = table({ a: { hook: prerouting, rules: ['drop'] } }, { s: affinity });
    const to = table({ a: { hook: { ...prerouting, priority: -90 }, rules: ['drop'] } }, { s: affinity });
    expect(changes(from, to)).toEqual([
      'add table ip t',
      'flush chain ip t a',
      'delete chain ip t a',
      'add chain ip t a { type nat hook prerouting priority -90; policy accept; }',
      'add rule ip t a drop',
    ]);
  });
});

describe('replace', () => {
  const wanted = table({ a: { rules: ['drop'] } }, { m: verdicts({ x: 'goto a' }), s: affinity });

  it('makes the table anew where nothing is known of it', () => {
    expect(replace(wanted, undefined).slice(0, 4)).toEqual([
      'add table ip t',
      'delete table ip t',
      'add table ip t',
      'add map ip t m { type ipv4_addr : verdict; }',
    ]);
  });

  it('takes over what a program before it has left', () => {
    const present = parsePresent(
      JSON.stringify({
        nftables: [
          { set: { name: 's', type: 'ipv4_addr', flags: ['timeout'], timeout: 60 } },
          { map: { name: 'm', type: 'ipv4_addr', map: 'verdict' } },
          { chain: { name: 'stale' } },
        ],
      }),
    );
    expect(replace(wanted, present)).toEqual([
      'add table ip t',
      'flush chain ip t stale',
      'delete map ip t m',
      'delete chain ip t stale',
      'add map ip t m { type ipv4_addr : verdict; }',
      'add chain ip t a',
      'add element ip t m { x : goto a }',
      'add rule ip t a drop',
    ]);
    expect(isComplete(wanted, present)).toBe(false);
  });
});

describe('ForeignChanges', () => {
  it('tells whose tables another program changed', () => {
    const foreign = new ForeignChanges('trimast-nft');
    const findings = [
      'add rule ip t n10 counter packets 0 bytes 0',
      '# new generation 19 by process 1 (trimast-nft)',
      'delete rule ip t n10 handle 4',
      'delete table ip6 u',
      '# new generation 20 by process 2 (nft)',
      '# new generation 21 by process 2 (nft)',
      '# ERR: We lost some netlink events!',
    ].map((line) => foreign.line(line));
    expect(findings.filter((finding) => finding !== undefined)).toEqual([
      { kind: 'changed', tables: ['ip t', 'ip6 u'] },
      { kind: 'lost' },
    ]);
  });
});

describe('Nftables', () => {
  let clock: ManualClock;
  let scripts: string[][];
  let fail: Error | undefined;
  let line: (line: string) => void;
  let repaired: string[];
  let nft: Nftables;
  const command: NftCommand = {
    async apply(script) {
      if (fail) {
        const error = fail;
        fail = undefined;
        throw error;
      }
      scripts.push(script.trim().split('\n'));
    },
    list: async () => undefined,
    monitor(onLine) {
      line = onLine;
      return () => undefined;
    },
  };
  const turns = async () => {
    for (let i = 0; i < 20; i++) await Promise.resolve();
  };

  beforeEach(() => {
    clock = new ManualClock();
    scripts = [];
    repaired = [];
    fail = undefined;
    nft = new Nftables({ command, clock, logger: silentLogger, onRepaired: (name) => repaired.push(name) });
    nft.start();
  });

  it('applies the first state as a whole, then only what differs, and leaves out states that came too late', async () => {
    await nft.set(table({ a: { rules: ['drop'] } }));
    expect(scripts[0]?.slice(0, 3)).toEqual(['add table ip t', 'delete table ip t', 'add table ip t']);
    const overtaken = nft.set(table({ a: { rules: ['accept'] } }));
    await Promise.all([overtaken, nft.set(table({ a: { rules: ['return'] } }))]);
    expect(scripts.slice(1)).toEqual([['flush chain ip t a', 'add rule ip t a return']]);
  });

  it('makes everything anew at once when a difference is refused', async () => {
    await nft.set(table({ a: { rules: ['drop'] } }));
    fail = new Error('No such file or directory');
    await nft.set(table({ a: { rules: ['accept'] } }));
    expect(scripts[1]).toContain('add rule ip t a accept');
    expect(scripts[1]).toContain('delete table ip t');
  });

  it('tries again after a pause what is refused as a whole', async () => {
    fail = new Error('syntax error');
    const done = nft.set(table({ a: { rules: ['drop'] } }));
    await turns();
    expect(scripts).toEqual([]);
    clock.advance(500);
    await done;
    expect(scripts).toHaveLength(1);
  });

  it('puts right what another program changed, says so, and does not fight without a pause', async () => {
    await nft.set(table({ a: { rules: ['drop'] } }));
    line('delete table ip t');
    line('# new generation 3 by process 7 (nft)');
    await turns();
    expect(repaired).toEqual(['ip t']);
    line('delete table ip t');
    line('# new generation 5 by process 7 (nft)');
    await turns();
    expect(repaired).toEqual(['ip t']);
    clock.advance(1_000);
    await turns();
    expect(repaired).toEqual(['ip t', 'ip t']);
    expect(scripts).toHaveLength(3);
  });

  it('leaves alone what it changed itself', async () => {
    await nft.set(table({ a: { rules: ['drop'] } }));
    line('add chain ip t a');
    line('# new generation 2 by process 7 (trimast-nft)');
    await turns();
    expect(scripts).toHaveLength(1);
  });

  it('notices that a table is gone even if nobody said so', async () => {
    await nft.set(table({ a: { rules: ['drop'] } }));
    clock.advance(60_000);
    await turns();
    expect(repaired).toEqual(['ip t']);
  });
});
