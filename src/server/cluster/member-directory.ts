/**
 * Who is a member now and where: consensus says who, the registry where, the configuration file fills in for members that have not announced
 * themselves yet. A copy lies in the data folder, so that a master that lost its state still knows whom to ask.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from '../../lib/logger.ts';
import type { RaftNode } from '../../raft/types.ts';
import type { MasterConfig } from '../config.ts';
import type { MemberAddresses } from './member-record.ts';
import type { MemberRegistry } from './member-registry.ts';

export interface DirectoryMember extends MemberAddresses {
  readonly learner: boolean;
}

const fileName = 'members.json';

export interface MemberDirectory {
  list(): readonly DirectoryMember[];
  /** Others than this master. */
  others(): readonly DirectoryMember[];
  onChange(listener: (members: readonly DirectoryMember[]) => void): void;
}

export function createMemberDirectory(
  config: MasterConfig,
  raft: Pick<RaftNode<unknown>, 'members' | 'onMembers'>,
  registry: MemberRegistry,
  logger: Logger,
  signal: AbortSignal,
): MemberDirectory {
  const listeners = new Set<(members: readonly DirectoryMember[]) => void>();
  let current: readonly DirectoryMember[] = [];

  const compute = (): DirectoryMember[] =>
    raft.members().map(({ id, name, address, learner }) => {
      const known = registry.get(id) ?? configured(config, id);
      return {
        id,
        name,
        learner,
        raftAddress: address,
        apiAddress: known?.apiAddress ?? '',
        grpcAddress: known?.grpcAddress ?? '',
        etcdAddress: known?.etcdAddress ?? '',
      };
    });
  const update = () => {
    const next = compute();
    if (JSON.stringify(next) === JSON.stringify(current)) return;
    current = next;
    if (next.length > 0) saveCopy(config.dataDir, next, logger);
    for (const listener of listeners) listener(next);
  };
  const end = raft.onMembers(update);
  signal.addEventListener('abort', end, { once: true });
  registry.watch(update, signal);
  update();
  return {
    list: () => current,
    others: () => current.filter(({ id, grpcAddress }) => id !== config.memberId && grpcAddress !== ''),
    onChange: (listener) => void listeners.add(listener),
  };
}

export function configured(config: MasterConfig, id: number): MemberAddresses | undefined {
  const member = config.members.find((one) => one.id === id);
  return member && { etcdAddress: '', ...member };
}

/** gRPC addresses of the other masters, from the copy and the configuration. */
export function addressesToAsk(config: MasterConfig): string[] {
  let copy: readonly DirectoryMember[] = [];
  try {
    copy = JSON.parse(readFileSync(join(config.dataDir, fileName), 'utf8')) as DirectoryMember[];
  } catch {
    // The first start, or a folder that was emptied: the configuration is all there is.
  }
  const others = [...copy, ...config.members].filter(({ id, grpcAddress }) => id !== config.memberId && grpcAddress);
  return [...new Set(others.map(({ grpcAddress }) => grpcAddress))];
}

function saveCopy(dataDir: string, members: readonly DirectoryMember[], logger: Logger): void {
  const file = join(dataDir, fileName);
  try {
    writeFileSync(`${file}.tmp`, `${JSON.stringify(members, undefined, 2)}\n`);
    renameSync(`${file}.tmp`, file);
  } catch (error) {
    logger.warn({ reason: (error as Error).message }, 'the copy of the list of members could not be written');
  }
}
