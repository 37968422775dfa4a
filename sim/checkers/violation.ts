/** Something that must never happen has happened. `rule` is the invariant's short name. */
export class Violation extends Error {
  override readonly name = 'Violation';
  readonly rule: string;

  constructor(rule: string, detail: string) {
    super(`${rule}: ${detail}`);
    this.rule = rule;
  }
}

/** Where checkers report. It keeps the first report even if production code catches what is thrown. */
export interface Judge {
  violation(rule: string, detail: string): never;
}
