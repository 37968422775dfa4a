/**
 * `trimast master`: one replica of the control plane as a process, until SIGTERM. When its data turns out to be damaged or to differ from the
 * others', it starts itself again with a note in its data folder, gives up what it has, and is rebuilt from a healthy master.
 */
import { createLogger, flushLog, type Logger } from '../lib/logger.ts';
import { addressesToAsk } from './cluster/member-directory.ts';
import type { MasterConfig } from './config.ts';
import { splitAddress } from './load-config.ts';
import { type Master, startMaster } from './master.ts';
import { discardContent, endRebuild, hasLog, type Rebuild, readRebuild, writeRebuild } from './repair/data-folder.ts';
import { isCorrupt } from './repair/is-corrupt.ts';
import { rejoin } from './repair/rejoin.ts';
import { type StandIn, startStandIn } from './repair/stand-in.ts';

/** A shutdown that takes longer than this is cut short: everything acknowledged is on disk already. */
const stopTimeoutMs = 5_000;
/** `EX_TEMPFAIL`: where the process cannot start itself again, its supervisor should. */
const restartExitCode = 75;

/** Resolves when the process has been told to stop and has stopped. */
export async function runMaster(config: MasterConfig): Promise<void> {
  const logger = createLogger(config.name);
  const stop = new AbortController();
  const die = (error: unknown) => {
    if (isCorrupt(error) && canBeRebuilt(config)) restartToRebuild(config, describe(error), logger);
    logger.fatal({ err: error }, 'unexpected error: this master ends, the others go on');
    process.exit(1);
  };
  process.on('uncaughtException', die);
  process.on('unhandledRejection', die);
  const stopped = new Promise<void>((resolve) => {
    stop.signal.addEventListener('abort', () => resolve(), { once: true });
  });
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.abort());

  let master: Master | undefined;
  try {
    master = await start(config, logger, stop.signal);
  } catch (error) {
    if (!stop.signal.aborted) die(error);
  }
  await stopped;
  logger.info('stopping');
  setTimeout(() => process.exit(0), stopTimeoutMs).unref();
  await master?.stop();
  process.exit(0);
}

/** Undefined: told to stop before it was up. */
async function start(config: MasterConfig, logger: Logger, signal: AbortSignal): Promise<Master | undefined> {
  let rebuild = beginRebuild(config, logger);
  let standIn: StandIn | undefined;
  let refusal: string | undefined;
  const self = config.members.find((member) => member.id === config.memberId)!;
  const standAside = async (state: () => { role: string; reason: string; since?: string }) => {
    standIn = await startStandIn(splitAddress(self.apiAddress), config.tls, () => {
      const { role, reason, since } = state();
      const position = { leaderId: 0, term: 0, appliedIndex: 0, commitIndex: 0, revision: 0 };
      return { reason, status: { name: self.name, memberId: self.id, role, ...position, problem: reason, since } };
    });
  };
  if (rebuild) {
    await standAside(() => {
      const { reason, since } = rebuild!;
      const reasonNow = `rebuilding since ${since}: ${reason}${refusal ? `; not taken in again yet: ${refusal}` : ''}`;
      return { role: 'rebuilding', reason: reasonNow, since };
    });
  }
  if (rebuild?.phase === 'join') {
    const tell = (reason: string) => {
      refusal = reason;
    };
    if (!(await rejoin(config, rebuild.reason, logger, signal, tell))) return undefined;
    refusal = undefined;
    rebuild = { ...rebuild, phase: 'fill' };
    writeRebuild(config.dataDir, rebuild);
  }
  return startMaster(config, logger, {
    join: rebuild !== undefined,
    signal,
    async beforeServing() {
      await standIn?.close();
      standIn = undefined;
      if (!rebuild) return;
      endRebuild(config.dataDir);
      logger.info(
        { reason: rebuild.reason, since: rebuild.since },
        'rebuilt from the others: this master serves again',
      );
    },
    onBroken(reason) {
      if (canBeRebuilt(config)) restartToRebuild(config, reason, logger);
      logger.fatal({ reason }, 'the data of the only master is damaged: restore a backup');
      process.exit(1);
    },
    async onRemoved() {
      const reason = `${self.name} was removed from the cluster; add it with "trimast member add" or stop it`;
      logger.warn(reason);
      await standAside(() => ({ role: 'removed', reason }));
    },
  });
}

/** Brings the folder into the state in which a master can ask to be taken in again. Undefined: nothing is to be rebuilt. */
function beginRebuild(config: MasterConfig, logger: Logger): Rebuild | undefined {
  const { dataDir } = config;
  let rebuild = readRebuild(dataDir);
  if (!rebuild && config.join && !hasLog(dataDir)) {
    rebuild = { phase: 'join', reason: 'its data folder is empty', since: new Date().toISOString() };
    writeRebuild(dataDir, rebuild);
  }
  if (rebuild?.phase === 'discard') {
    const aside = discardContent(dataDir, new Date());
    logger.warn({ reason: rebuild.reason, aside }, 'the data cannot be trusted: moved aside');
    rebuild = { ...rebuild, phase: 'join' };
    writeRebuild(dataDir, rebuild);
  }
  return rebuild;
}

function canBeRebuilt(config: MasterConfig): boolean {
  return addressesToAsk(config).length > 0;
}

/** The quickest end of serving there is: this process image is replaced. The same process id goes on with an empty state. */
function restartToRebuild(config: MasterConfig, reason: string, logger: Logger): never {
  writeRebuild(config.dataDir, { phase: 'discard', reason, since: new Date().toISOString() });
  logger.error({ reason }, 'this master stops serving and is rebuilt from the others');
  flushLog();
  if (process.execve && process.platform !== 'win32') {
    const [, ...args] = process.argv;
    process.execve(
      process.execPath,
      [process.execPath, ...process.execArgv, ...args],
      process.env as Record<string, string>,
    );
  }
  process.exit(restartExitCode);
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
