import { CliError } from '../cli-error.ts';

export interface Target {
  readonly resource: string;
  readonly name: string | undefined;
}

/** `deployment/hello`, or `deployment hello`, or just `deployments`. */
export function parseTarget(typed: string, name: string | undefined): Target {
  const slash = typed.indexOf('/');
  if (slash < 0) return { resource: typed, name };
  if (name !== undefined) throw new CliError(`"${typed} ${name}": give the name once`, { exitCode: 2 });
  return { resource: typed.slice(0, slash), name: typed.slice(slash + 1) };
}
