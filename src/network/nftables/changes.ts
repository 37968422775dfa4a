/**
 * From one state of a table to another as an `nft -f` script, which the kernel takes as a whole or not at all. Pure.
 *
 * Order matters inside of a transaction: what is new is declared first, so that everything may refer to it; then whatever refers to something
 * that goes is emptied, then it goes, then contents come.
 */
import { elementsOf } from './elements.ts';
import * as script from './script.ts';
import type { Chain, Hook, NftSet, PresentSet, PresentTable, Table } from './types.ts';

/** The least that turns `from`, which is what the kernel has, into `to`. Empty when they are equal. */
export function changes(from: Table, to: Table): string[] {
  // What is made anew under its name must first be let go by everything that names it.
  if (isRemade(from, to)) return replace(to, presentOf(from));
  const declare: string[] = [];
  const empty: string[] = [];
  const remove: string[] = [];
  const fill: string[] = [];
  for (const [name, set] of to.sets) {
    const old = from.sets.get(name);
    if (old === set) continue;
    if (!old) declare.push(script.addSet(to, name, set));
    const { gone, added } = elementChanges(old ?? nothing, set);
    empty.push(...script.deleteElements(to, name, gone));
    fill.push(...script.addElements(to, name, added));
  }
  for (const [name, chain] of to.chains) {
    const old = from.chains.get(name);
    if (old === chain || (old && sameRules(old, chain))) continue;
    if (old) empty.push(script.flushChain(to, name));
    else declare.push(script.addChain(to, name, chain));
    fill.push(...script.addRules(to, name, chain));
  }
  for (const name of from.chains.keys()) if (!to.chains.has(name)) empty.push(script.flushChain(to, name));
  // Maps first: their elements may refer to chains.
  for (const [name, { kind }] of from.sets) if (!to.sets.has(name)) remove.push(script.deleteSet(to, name, kind));
  for (const name of from.chains.keys()) if (!to.chains.has(name)) remove.push(script.deleteChain(to, name));
  return [...declare, ...empty, ...remove, ...fill];
}

const none: ReadonlyMap<string, string> = new Map();
const nothing: Pick<NftSet, 'elements' | 'parts'> = { elements: none };

function isRemade(from: Table, to: Table): boolean {
  for (const [name, set] of to.sets) {
    const old = from.sets.get(name);
    if (old && old !== set && (old.kind !== set.kind || script.declaration(old) !== script.declaration(set)))
      return true;
  }
  for (const [name, chain] of to.chains) {
    const old = from.chains.get(name);
    if (old && old !== chain && !sameHook(old.hook, chain.hook)) return true;
  }
  return false;
}

/**
 * Makes the kernel's table what `to` says, whatever is in it. What packets have put into dynamic sets stays where the set is still wanted as it
 * is. `present` undefined: nothing is known, the table is made anew.
 */
export function replace(to: Table, present: PresentTable | undefined): string[] {
  if (!present) return [...script.deleteTable(to), script.addTable(to), ...everything(to, new Set())];
  const kept = new Set<string>();
  for (const [name, set] of to.sets) {
    const old = present.sets.get(name);
    if (old && isDynamic(set) && isKept(old, set)) kept.add(name);
  }
  const lines = [script.addTable(to)];
  for (const name of present.chains.keys()) lines.push(script.flushChain(to, name));
  for (const [name, { kind }] of present.sets) if (!kept.has(name)) lines.push(script.deleteSet(to, name, kind));
  for (const [name, hook] of present.chains) {
    const wanted = to.chains.get(name);
    if (!wanted || !sameHook(hook, wanted.hook)) lines.push(script.deleteChain(to, name));
  }
  return [...lines, ...everything(to, kept)];
}

function everything(table: Table, kept: ReadonlySet<string>): string[] {
  const lines: string[] = [];
  for (const [name, set] of table.sets) if (!kept.has(name)) lines.push(script.addSet(table, name, set));
  for (const [name, chain] of table.chains) lines.push(script.addChain(table, name, chain));
  for (const [name, set] of table.sets)
    if (!isDynamic(set)) lines.push(...script.addElements(table, name, elementsOf(set)));
  for (const [name, chain] of table.chains) lines.push(...script.addRules(table, name, chain));
  return lines;
}

function elementChanges(
  old: Pick<NftSet, 'elements' | 'parts'>,
  set: NftSet,
): { gone: string[]; added: [string, string][] } {
  const gone: string[] = [];
  const added: [string, string][] = [];
  const compare = (from: ReadonlyMap<string, string>, to: ReadonlyMap<string, string>): void => {
    if (from === to) return;
    for (const [key, value] of from) if (to.get(key) !== value) gone.push(key);
    for (const [key, value] of to) if (from.get(key) !== value) added.push([key, value]);
  };
  if (isDynamic(set)) return { gone, added };
  compare(old.elements, set.elements);
  if (old.parts === set.parts) return { gone, added };
  for (const [owner, part] of set.parts ?? []) compare(old.parts?.get(owner) ?? none, part);
  for (const [owner, part] of old.parts ?? []) if (!set.parts?.has(owner)) compare(part, none);
  return { gone, added };
}

function presentOf(table: Table): PresentTable {
  const sets = [...table.sets].map(([name, set]): [string, PresentSet] => [
    name,
    { kind: set.kind, keyType: keyType(set), timeoutSeconds: set.timeoutSeconds },
  ]);
  return {
    chains: new Map([...table.chains].map(([name, { hook }]) => [name, hook])),
    sets: new Map(sets),
  };
}

function isKept(old: PresentSet, set: NftSet): boolean {
  return old.kind === set.kind && old.keyType === keyType(set) && old.timeoutSeconds === set.timeoutSeconds;
}

function keyType({ type }: NftSet): string {
  return type.replace(/^type(of)? /, '').split(' : ')[0]!;
}

function isDynamic({ flags = [] }: NftSet): boolean {
  return flags.includes('dynamic');
}

function sameHook(a: Hook | undefined, b: Hook | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return (
    a.type === b.type &&
    a.hook === b.hook &&
    a.priority === b.priority &&
    (a.policy ?? 'accept') === (b.policy ?? 'accept')
  );
}

function sameRules(a: Chain, b: Chain): boolean {
  return a.rules === b.rules || (a.rules.length === b.rules.length && a.rules.every((rule, i) => rule === b.rules[i]));
}

/** Whether the kernel has every chain and set of the table, and no other. */
export function isComplete(table: Table, present: PresentTable): boolean {
  if (present.chains.size !== table.chains.size || present.sets.size !== table.sets.size) return false;
  for (const [name, { hook }] of table.chains)
    if (!present.chains.has(name) || !sameHook(present.chains.get(name), hook)) return false;
  for (const name of table.sets.keys()) if (!present.sets.has(name)) return false;
  return true;
}
