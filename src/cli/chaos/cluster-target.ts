/** A cluster of `trimast up` as the target of chaos: its processes, its network namespaces, its data folders. */
import { join } from 'node:path';
import type { ChaosTarget, DiskFault, FaultKind, Link, LinkShape, MasterState } from '../../chaos/types.ts';
import { CliError } from '../cli-error.ts';
import { findProgram } from '../cluster/detect-runtime.ts';
import type { ClusterPaths } from '../cluster/paths.ts';
import { type Cluster, type Member, membersOfKind } from '../cluster/topology.ts';
import { signalProcess } from '../host/processes.ts';
import { ensureMember } from '../members/ensure-member.ts';
import { lastLines } from '../members/log-tail.ts';
import { MasterStatusClient } from '../members/master-status.ts';
import { readable } from '../members/member-failure.ts';
import { runningProcess } from '../members/pid-file.ts';
import { stopMember } from '../members/stop-member.ts';
import { type ShimState, writeFaults } from './faults-file.ts';
import { Links } from './links.ts';
import { buildTool, hasCompiler } from './native-tool.ts';

const networkFaults: readonly FaultKind[] = ['partition', 'loss', 'delay'];
/** Only a library loaded into the masters can do these. */
export const shimFaults: readonly FaultKind[] = ['clock', 'disk-full', 'disk-error', 'disk-slow'];

export class ClusterTarget implements ChaosTarget {
  readonly masters: readonly string[];
  readonly #cluster: Cluster;
  readonly #paths: ClusterPaths;
  readonly #members: ReadonlyMap<string, Member>;
  readonly #statuses: MasterStatusClient;
  readonly #links: Links;
  readonly #shims = new Map<string, ShimState>();
  readonly #shouldRun = new Set<string>();
  readonly #ends: string[] = [];
  #library: string | undefined;

  constructor(cluster: Cluster, paths: ClusterPaths) {
    this.#cluster = cluster;
    this.#paths = paths;
    const members = membersOfKind(cluster, 'master');
    this.#members = new Map(members.map((member) => [member.name, member]));
    this.masters = members.map((member) => member.name);
    this.#statuses = new MasterStatusClient(cluster, paths);
    this.#links = new Links(cluster, members, () => buildTool('relay', this.#toolDir));
    for (const master of this.masters) if (runningProcess(paths.runDir, master)) this.#shouldRun.add(master);
  }

  unavailable(kind: FaultKind): string | undefined {
    const alone = !this.#cluster.network.bridge;
    if (networkFaults.includes(kind)) {
      if (alone) return 'its masters share one network (a cluster of root on Linux has a network namespace for each)';
      if (!findProgram('nft')) return 'nft is missing (Debian package nftables)';
      if (kind === 'delay' && !hasCompiler()) return 'it may need a C compiler, and cc is missing (Debian package gcc)';
    }
    if (shimFaults.includes(kind)) {
      if (process.platform !== 'linux') return 'it needs Linux';
      if (!hasCompiler()) return 'it needs a C compiler, and cc is missing (Debian package gcc)';
    }
    if (this.masters.length === 1 && kind === 'partition') return 'there is one master only';
    return undefined;
  }

  /** Starts the masters again, one after the other, with the library that faults of clock and disk need. */
  async loadShim(untilServing: (master: string) => Promise<void>): Promise<void> {
    this.#library = await buildTool('faults', this.#toolDir);
    for (const master of this.masters) writeFaults(this.#shimFile(master), this.#shim(master));
    await this.#restartEach(untilServing);
  }

  async unloadShim(untilServing: (master: string) => Promise<void>): Promise<void> {
    if (this.#library === undefined) return;
    this.#library = undefined;
    await this.#restartEach(untilServing);
  }

  close(): void {
    this.#statuses.close();
  }

  async state(master: string): Promise<MasterState | undefined> {
    const status = await this.#statuses.ask(master);
    if (!status) this.#noticeEnd(master);
    return status;
  }

  unexpectedEnds(): readonly string[] {
    for (const master of this.masters) this.#noticeEnd(master);
    return this.#ends;
  }

  async kill(master: string): Promise<void> {
    this.#shouldRun.delete(master);
    await stopMember(this.#member(master), this.#paths, 'SIGKILL');
  }

  async stop(master: string): Promise<void> {
    this.#shouldRun.delete(master);
    await stopMember(this.#member(master), this.#paths, 'SIGTERM');
  }

  async start(master: string): Promise<void> {
    await ensureMember(this.#cluster, this.#member(master), this.#paths, this.#environment(master));
    this.#shouldRun.add(master);
  }

  async pause(master: string): Promise<void> {
    this.#signal(master, 'SIGSTOP');
  }

  async resume(master: string): Promise<void> {
    const running = runningProcess(this.#paths.runDir, master);
    if (running) signalProcess(running, 'SIGCONT');
  }

  async block(links: readonly Link[]): Promise<void> {
    if (this.#cluster.network.bridge) await this.#links.block(links);
  }

  async shape(master: string, shape: LinkShape | undefined): Promise<void> {
    if (this.#cluster.network.bridge) await this.#links.shape(master, shape);
  }

  async disk(master: string, disk: DiskFault | undefined): Promise<void> {
    // From here on the process may end, as it should.
    if (disk && disk.type !== 'slow') this.#shouldRun.delete(master);
    this.#setShim(master, { ...this.#shim(master), disk });
    if (!disk) await this.#settleAfterRepair(master);
  }

  async clock(master: string, clockOffsetMs: number): Promise<void> {
    this.#setShim(master, { ...this.#shim(master), clockOffsetMs });
  }

  get #toolDir(): string {
    return join(this.#paths.dir, 'chaos');
  }

  #member(master: string): Member {
    const member = this.#members.get(master);
    if (!member) throw new CliError(`no master is named "${master}"`);
    return member;
  }

  #shimFile(master: string): string {
    return join(this.#toolDir, `${master}.faults`);
  }

  #shim(master: string): ShimState {
    return this.#shims.get(master) ?? { clockOffsetMs: 0, disk: undefined };
  }

  #setShim(master: string, state: ShimState): void {
    if (!this.#library) return;
    this.#shims.set(master, state);
    writeFaults(this.#shimFile(master), state);
  }

  #environment(master: string): Record<string, string> {
    if (!this.#library) return {};
    return {
      LD_PRELOAD: this.#library,
      TRIMAST_FAULTS_FILE: this.#shimFile(master),
      TRIMAST_FAULTS_DIR: this.#paths.memberData(master),
    };
  }

  /** A master that met the broken disk is about to end: it must not be taken for one that goes on. */
  async #settleAfterRepair(master: string): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, 300));
    if (runningProcess(this.#paths.runDir, master)) this.#shouldRun.add(master);
  }

  async #restartEach(untilServing: (master: string) => Promise<void>): Promise<void> {
    for (const master of this.masters) {
      await this.stop(master);
      await this.start(master);
      await untilServing(master);
    }
  }

  #signal(master: string, signal: NodeJS.Signals): void {
    const running = runningProcess(this.#paths.runDir, master);
    if (!running || !signalProcess(running, signal)) throw new CliError(`${master} is not running`);
  }

  #noticeEnd(master: string): void {
    if (!this.#shouldRun.has(master) || runningProcess(this.#paths.runDir, master)) return;
    this.#shouldRun.delete(master);
    const [last = ''] = lastLines(this.#paths.logFile(master), 1);
    this.#ends.push(`${master} ended by itself: ${readable(last)}`);
  }
}
