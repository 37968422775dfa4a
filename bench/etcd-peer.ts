/**
 * etcd beside Trimast in the same run, where the environment says how to start one:
 *
 *   TRIMAST_ETCD_UP DIR     starts three members in DIR (or those of them that are dead); prints `endpoints URL,URL,URL`, and `etcdN pid PID` for each
 *   TRIMAST_ETCD_DOWN DIR --delete
 *   TRIMAST_ETCD_GAP -endpoints URL,… -rate N -kill-pid PID     writes N/s, kills, prints `gap N ms …`
 *   TRIMAST_ETCDCTL         etcdctl; default the one on PATH
 */
import { execFile } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export class EtcdPeer {
  readonly #dir: string;
  readonly #up: string;
  readonly #down: string;
  readonly #gap: string;

  private constructor(up: string, down: string, gap: string) {
    this.#dir = mkdtempSync(join(tmpdir(), 'etcd-peer-'));
    this.#up = up;
    this.#down = down;
    this.#gap = gap;
  }

  /** Undefined where the environment names no etcd. */
  static fromEnvironment(): EtcdPeer | undefined {
    const { TRIMAST_ETCD_UP: up, TRIMAST_ETCD_DOWN: down, TRIMAST_ETCD_GAP: gap } = process.env;
    return up && down && gap ? new EtcdPeer(up, down, gap) : undefined;
  }

  /** Kills the leader under this load; how long no write was acknowledged, milliseconds. Starts what is not running. */
  async killLeader(writesPerSecond: number): Promise<number> {
    const { stdout } = await run(this.#up, [this.#dir]);
    const endpoints = /^endpoints (\S+)$/m.exec(stdout)?.[1];
    if (!endpoints) throw new Error(`${this.#up} printed no endpoints:\n${stdout}`);
    const pids = [...stdout.matchAll(/^\S+ pid (\d+)$/gm)].map((match) => match[1]!);
    const leader = await leaderOf(endpoints);
    const args = ['-endpoints', endpoints, '-rate', String(writesPerSecond), '-kill-pid', pids[leader]!];
    const told = (await run(this.#gap, args)).stdout;
    const gap = /gap (\d+(?:\.\d+)?) ms/.exec(told)?.[1];
    if (gap === undefined) throw new Error(`${this.#gap} told no gap:\n${told}`);
    return Number(gap);
  }

  async stop(): Promise<void> {
    await run(this.#down, [this.#dir, '--delete']);
  }
}

interface EndpointStatus {
  readonly Status: { readonly header: { readonly member_id: number }; readonly leader: number };
}

/** Position of the leader among the endpoints. */
async function leaderOf(endpoints: string): Promise<number> {
  const args = ['--endpoints', endpoints, 'endpoint', 'status', '-w', 'json'];
  const { stdout } = await run(process.env.TRIMAST_ETCDCTL ?? 'etcdctl', args);
  const statuses = JSON.parse(stdout) as EndpointStatus[];
  const found = statuses.findIndex(({ Status }) => Status.header.member_id === Status.leader);
  if (found < 0) throw new Error('no member of etcd leads');
  return found;
}
