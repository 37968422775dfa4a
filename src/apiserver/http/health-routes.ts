/** `/livez`, `/readyz`, `/healthz`: named checks, in upstream's text form (`?verbose`, `?exclude=NAME`, `/readyz/NAME`). */
import type { Exchange } from './exchange.ts';

/** Undefined: in order. Else what is not. */
export type HealthCheck = () => string | undefined | Promise<string | undefined>;

export type HealthChecks = Readonly<Record<string, HealthCheck>>;

export interface HealthOptions {
  /** The process can do its work, or will by itself; else restart it. */
  readonly livez: HealthChecks;
  /** Send it requests. */
  readonly readyz: HealthChecks;
}

export function createHealthRoutes(
  options: HealthOptions,
): (exchange: Exchange, path: string) => Promise<void> | undefined {
  return (exchange, path) => {
    const [endpoint, ...parts] = path.split('/').filter((part) => part !== '');
    // Names have slashes: /readyz/poststarthook/rbac/bootstrap-roles.
    const name = parts.length > 0 ? parts.join('/') : undefined;
    // The older /healthz is upstream's /livez but for a few checks.
    const all =
      endpoint === 'readyz'
        ? options.readyz
        : endpoint === 'livez' || endpoint === 'healthz'
          ? options.livez
          : undefined;
    if (!all || endpoint === undefined) return undefined;
    const checks: HealthChecks = { ping: () => undefined, log: () => undefined, ...all };
    if (name === undefined) return answer(exchange, endpoint, checks);
    const check = Object.hasOwn(checks, name) ? checks[name] : undefined;
    return check && answer(exchange, endpoint, { [name]: check });
  };
}

async function answer(exchange: Exchange, endpoint: string, checks: HealthChecks): Promise<void> {
  const excluded = new Set(exchange.query.getAll('exclude'));
  const lines: string[] = [];
  let failed = false;
  for (const [name, check] of Object.entries(checks)) {
    if (excluded.has(name)) {
      lines.push(`[+]${name} excluded: ok`);
      continue;
    }
    const problem = await run(check);
    if (problem !== undefined) failed = true;
    lines.push(problem === undefined ? `[+]${name} ok` : `[-]${name} failed: ${problem}`);
  }
  const unknown = [...excluded].filter((name) => !Object.hasOwn(checks, name));
  if (unknown.length > 0) {
    const names = unknown.map((name) => JSON.stringify(name)).join(',');
    lines.push(`warn: some health checks cannot be excluded: no matches for ${names}`);
  }
  const verbose = exchange.query.has('verbose');
  const text = failed
    ? `${lines.join('\n')}\n${endpoint} check failed\n`
    : verbose
      ? `${lines.join('\n')}\n${endpoint} check passed\n`
      : 'ok';
  await exchange.send(failed ? 500 : 200, 'text/plain; charset=utf-8', Buffer.from(text));
}

async function run(check: HealthCheck): Promise<string | undefined> {
  try {
    return await check();
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
