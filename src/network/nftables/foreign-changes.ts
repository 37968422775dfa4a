/** Reads `nft monitor`: which tables did a program change that is not ours? Pure. */

const eventPattern =
  /^(?:add|insert|replace|create|delete|destroy) (table|chain|rule|set|map|element|flowtable|counter|limit|quota)s? (\S+) (\S+)/;
const generationPattern = /^# new generation \d+ by process \d+ \((.*)\)$/;
const lostPattern = /^# ERR/;

export type Finding = { readonly kind: 'changed'; readonly tables: readonly string[] } | { readonly kind: 'lost' };

/** Feed it line by line; a transaction's events come before the line that tells whose it was. */
export class ForeignChanges {
  readonly #ownProgram: string;
  #touched = new Set<string>();

  constructor(ownProgram: string) {
    this.#ownProgram = ownProgram;
  }

  /** `tables` are `family name`. */
  line(line: string): Finding | undefined {
    const event = eventPattern.exec(line);
    if (event) {
      this.#touched.add(`${event[2]} ${event[3]}`);
      return undefined;
    }
    if (lostPattern.test(line)) return { kind: 'lost' };
    const generation = generationPattern.exec(line);
    if (!generation) return undefined;
    const tables = [...this.#touched];
    this.#touched = new Set();
    return generation[1] === this.#ownProgram || tables.length === 0 ? undefined : { kind: 'changed', tables };
  }
}
