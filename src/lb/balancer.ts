/**
 * Which backend the next connection goes to. Pure state: no sockets, no time. Healthy backends come first, then by fewest open connections,
 * then the one chosen longest ago; unhealthy ones are kept as a last resort, since a health check can lag behind a start.
 */

export interface BackendState {
  readonly name: string;
  readonly healthy: boolean;
  readonly connections: number;
}

interface Entry {
  readonly name: string;
  healthy: boolean;
  connections: number;
  /** When it was last chosen, as a count of choices. */
  chosenAt: number;
}

export class Balancer {
  readonly #entries: Map<string, Entry>;
  #choices = 0;

  /** No backend is healthy until told so. */
  constructor(names: readonly string[]) {
    if (names.length === 0) throw new RangeError('load balancer: no backend is configured');
    this.#entries = new Map(names.map((name) => [name, { name, healthy: false, connections: 0, chosenAt: 0 }]));
    if (this.#entries.size !== names.length) {
      throw new RangeError(`load balancer: a backend is named twice: ${names.join(', ')}`);
    }
  }

  /** A new one is not healthy until told so; one that is left out gets no new connections. */
  setNames(names: readonly string[]): void {
    for (const name of this.#entries.keys()) if (!names.includes(name)) this.#entries.delete(name);
    for (const name of names)
      if (!this.#entries.has(name)) this.#entries.set(name, { name, healthy: false, connections: 0, chosenAt: 0 });
  }

  /** The best backend that is not in `tried`; it counts as chosen. Undefined when all were tried. */
  choose(tried: ReadonlySet<string> = new Set()): string | undefined {
    let best: Entry | undefined;
    for (const entry of this.#entries.values()) {
      if (!tried.has(entry.name) && (best === undefined || comesBefore(entry, best))) best = entry;
    }
    if (best) best.chosenAt = ++this.#choices;
    return best?.name;
  }

  /** Returns true when this changes what is known. */
  setHealthy(name: string, healthy: boolean): boolean {
    const entry = this.#entries.get(name);
    if (!entry) return false;
    const changed = entry.healthy !== healthy;
    entry.healthy = healthy;
    return changed;
  }

  opened(name: string): void {
    this.#entry(name).connections++;
  }

  closed(name: string): void {
    const entry = this.#entries.get(name);
    // It may have left while the connection was open.
    if (entry) entry.connections = Math.max(0, entry.connections - 1);
  }

  state(): BackendState[] {
    return [...this.#entries.values()].map(({ name, healthy, connections }) => ({ name, healthy, connections }));
  }

  #entry(name: string): Entry {
    const entry = this.#entries.get(name);
    if (!entry) throw new RangeError(`load balancer: no backend is named "${name}"`);
    return entry;
  }
}

function comesBefore(a: Entry, b: Entry): boolean {
  if (a.healthy !== b.healthy) return a.healthy;
  if (a.connections !== b.connections) return a.connections < b.connections;
  return a.chosenAt < b.chosenAt;
}
