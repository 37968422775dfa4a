/** What can be wrong with an expression, before and while it runs. */

export interface CelIssue {
  /** Index in the source. */
  readonly offset: number;
  readonly message: string;
}

/** The expression cannot be compiled; the message shows each place as CEL's own tools do. */
export class CelCompileError extends Error {
  override readonly name = 'CelCompileError';
  readonly issues: readonly CelIssue[];

  constructor(source: string, issues: readonly CelIssue[]) {
    super(describeIssues(source, issues));
    this.issues = issues;
  }
}

/** The expression has no value for these variables: a missing key, a division by zero, no such overload. */
export class CelEvaluationError extends Error {
  override readonly name: string = 'CelEvaluationError';
}

/** The evaluation would cost more than it may. Not to be had out of `||` and `&&`. */
export class CelBudgetError extends CelEvaluationError {
  override readonly name = 'CelBudgetError';

  constructor() {
    super('operation cancelled: actual cost limit exceeded');
  }
}

const maxIssues = 20;

function describeIssues(source: string, issues: readonly CelIssue[]): string {
  return [...issues]
    .sort((a, b) => a.offset - b.offset)
    .slice(0, maxIssues)
    .map((issue) => describeIssue(source, issue))
    .join('\n');
}

function describeIssue(source: string, { offset, message }: CelIssue): string {
  const before = source.slice(0, offset);
  const line = before.split('\n').length;
  const lineStart = before.lastIndexOf('\n') + 1;
  const lineEnd = source.indexOf('\n', offset);
  const text = source.slice(lineStart, lineEnd < 0 ? source.length : lineEnd).replaceAll('\t', ' ');
  const column = [...source.slice(lineStart, offset)].length;
  return `ERROR: <input>:${line}:${column + 1}: ${message}\n | ${text}\n | ${'.'.repeat(column)}^`;
}
