/**
 * The network between masters, broken on purpose: packets are dropped by nftables inside of each master's namespace; delay and reordering
 * come from `tc netem` where this kernel has it, and from a relay of ours between the namespace and the bridge where it has not.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Link, LinkShape } from '../../chaos/types.ts';
import { CliError } from '../cli-error.ts';
import type { Cluster, Member } from '../cluster/topology.ts';
import { namespacePath } from '../host/network.ts';
import { run, tryRun } from '../host/run.ts';

const table = 'inet trimast_chaos';
const netemLimitFrames = 20_000;

interface State {
  readonly master: Member;
  blocked: readonly string[];
  lossPercent: number;
  relay: ChildProcess | undefined;
  hasNetem: boolean;
}

export class Links {
  readonly #bridge: string;
  readonly #states: ReadonlyMap<string, State>;
  readonly #relayProgram: () => Promise<string>;
  #kernelHasNetem: boolean | undefined;

  constructor(cluster: Cluster, masters: readonly Member[], relayProgram: () => Promise<string>) {
    this.#bridge = cluster.network.bridge!;
    this.#relayProgram = relayProgram;
    this.#states = new Map(
      masters.map((master) => [
        master.name,
        { master, blocked: [], lossPercent: 0, relay: undefined, hasNetem: false },
      ]),
    );
  }

  /** Replaces what was blocked before. */
  async block(links: readonly Link[]): Promise<void> {
    await Promise.all(
      [...this.#states.values()].map(async (state) => {
        const from = links
          .filter(({ to }) => to === state.master.name)
          .map((link) => this.#state(link.from).master.address);
        if (from.length === 0 && state.blocked.length === 0) return;
        state.blocked = from;
        await this.#filter(state);
      }),
    );
  }

  async shape(master: string, shape: LinkShape | undefined): Promise<void> {
    const state = this.#state(master);
    const lossPercent = shape?.lossPercent ?? 0;
    if (lossPercent !== state.lossPercent) {
      state.lossPercent = lossPercent;
      await this.#filter(state);
    }
    await this.#removeDelay(state);
    if (shape?.delayMs) await this.#delay(state, shape);
  }

  #state(master: string): State {
    return this.#states.get(master)!;
  }

  async #filter({ master, blocked, lossPercent }: State): Promise<void> {
    const rules = [
      ...(blocked.length > 0 ? [`ip saddr { ${blocked.join(', ')} } drop`] : []),
      ...(lossPercent > 0 ? [`numgen random mod 100 < ${lossPercent} drop`] : []),
    ];
    const chain = `chain input { type filter hook input priority -150; policy accept; ${rules.join('; ')}\n}`;
    // The table is named first, so that removing it never fails.
    const text = `table ${table} {}\ndelete table ${table}\n${rules.length > 0 ? `table ${table} {\n${chain}\n}\n` : ''}`;
    await inNamespace(master, ['nft', '-f', '-'], text);
  }

  async #delay(state: State, { delayMs = 0, jitterMs = 0, reorderPercent = 0 }: LinkShape): Promise<void> {
    if (this.#kernelHasNetem !== false) {
      const reorder = reorderPercent > 0 ? ['reorder', `${100 - reorderPercent}%`] : [];
      const netem = ['netem', 'limit', String(netemLimitFrames), 'delay', `${delayMs}ms`, `${jitterMs}ms`, ...reorder];
      const command = ['tc', 'qdisc', 'replace', 'dev', 'eth0', 'root', ...netem];
      const result = await tryRun('nsenter', [`--net=${namespacePath(state.master.namespace!)}`, ...command]);
      this.#kernelHasNetem = result.exitCode === 0;
      state.hasNetem = this.#kernelHasNetem;
    }
    if (!state.hasNetem) await this.#startRelay(state, [delayMs * 1_000, jitterMs * 1_000, reorderPercent]);
  }

  /** The namespace's pair leaves the bridge; a second pair takes its place there, and the relay joins the two. */
  async #startRelay(state: State, numbers: readonly number[]): Promise<void> {
    const program = await this.#relayProgram();
    const near = state.master.hostInterface!;
    const [far, inBridge] = [`${near}x`, `${near}y`];
    const lines = [
      `link add ${far} type veth peer name ${inBridge}`,
      `link set ${near} nomaster`,
      `link set ${far} up`,
      `link set ${inBridge} master ${this.#bridge} up`,
    ];
    await run('ip', ['-batch', '-'], `${lines.join('\n')}\n`);
    try {
      state.relay = await startRelay(program, [near, far, ...numbers.map(String)]);
    } catch (error) {
      await this.#rejoin(near);
      throw error;
    }
  }

  async #removeDelay(state: State): Promise<void> {
    if (state.hasNetem) {
      state.hasNetem = false;
      await inNamespace(state.master, ['tc', 'qdisc', 'delete', 'dev', 'eth0', 'root']);
    }
    if (!state.relay) return;
    const { relay } = state;
    state.relay = undefined;
    if (relay.exitCode === null && relay.signalCode === null) {
      const ended = new Promise((resolve) => relay.once('exit', resolve));
      relay.kill('SIGTERM');
      await ended;
    }
    await this.#rejoin(state.master.hostInterface!);
  }

  async #rejoin(near: string): Promise<void> {
    await run('ip', ['-batch', '-'], `link delete ${near}x\nlink set ${near} master ${this.#bridge}\n`);
  }
}

/** Settles once frames pass. */
async function startRelay(program: string, args: readonly string[]): Promise<ChildProcess> {
  const relay = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  relay.stderr.on('data', (chunk) => {
    said += chunk;
  });
  await new Promise<void>((resolve, reject) => {
    relay.stdout.once('data', () => resolve());
    relay.once('error', reject);
    relay.once('exit', (code) =>
      reject(new CliError(`the relay ${args.join(' ')} ended with ${code}: ${said.trim()}`)),
    );
  });
  return relay;
}

async function inNamespace(member: Member, command: readonly string[], input?: string): Promise<void> {
  await run('nsenter', [`--net=${namespacePath(member.namespace!)}`, ...command], input);
}
