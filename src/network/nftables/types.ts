/**
 * An nftables table as a plain value. A rule and an element are written as `nft` writes them, so that what a plan returns, what a golden file
 * shows and what `nft list ruleset` prints can be held side by side.
 */
export type Family = 'ip' | 'ip6' | 'inet' | 'bridge' | 'arp' | 'netdev';

export interface Table {
  readonly family: Family;
  /** Owned by us alone: whatever else is found in it is removed. */
  readonly name: string;
  /** By name. A chain that did not change should be the same object as before: comparing it then costs nothing. */
  readonly chains: ReadonlyMap<string, Chain>;
  /** Sets and maps, by name. */
  readonly sets: ReadonlyMap<string, NftSet>;
}

export interface Chain {
  /** Where the kernel enters it. Absent: a chain that others jump to. */
  readonly hook?: Hook;
  /** Without `add rule …`, e.g. `ip saddr 10.0.0.0/8 drop`. */
  readonly rules: readonly string[];
}

export interface Hook {
  readonly type: 'filter' | 'nat' | 'route';
  readonly hook: 'prerouting' | 'input' | 'forward' | 'output' | 'postrouting' | 'ingress' | 'egress';
  readonly priority: number;
  /** Default accept. */
  readonly policy?: 'accept' | 'drop';
}

export interface NftSet {
  readonly kind: 'set' | 'map';
  /** `type …` or `typeof …` as it stands in the declaration, e.g. `type ipv4_addr . inet_service : verdict`. */
  readonly type: string;
  readonly flags?: readonly ('interval' | 'timeout' | 'dynamic' | 'constant')[];
  /** How long an element that packets add stays; every `dynamic` set has it. */
  readonly timeoutSeconds?: number;
  /** Most elements that packets may add. */
  readonly size?: number;
  /** Key to value; the value of a set's element is ''. A `dynamic` set is filled by packets: its elements are never touched from here. */
  readonly elements: ReadonlyMap<string, string>;
  /** More elements, by whom they are for: a part that is the same object as before is not looked into. No key may be in two parts. */
  readonly parts?: ReadonlyMap<string, ReadonlyMap<string, string>>;
}

/** What stands in the kernel under a table's name, as far as it matters for replacing it. */
export interface PresentTable {
  readonly chains: ReadonlyMap<string, Hook | undefined>;
  readonly sets: ReadonlyMap<string, PresentSet>;
}

export interface PresentSet {
  readonly kind: 'set' | 'map';
  /** Of the key, e.g. `ipv4_addr . inet_service`. */
  readonly keyType: string;
  readonly timeoutSeconds: number | undefined;
}
