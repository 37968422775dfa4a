/**
 * A member's folder while nobody runs on it: what is in it, all of its state, or a folder made from a state. For recovery and restore;
 * RocksDB's lock keeps these away from a folder that is in use.
 */
import { existsSync } from 'node:fs';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { RocksLevel } from '@nxtedition/rocksdb';
import { decodeConfiguration } from './core/configuration.ts';
import type { Configuration, Entry, SnapshotMeta } from './core/types.ts';
import type { MemberIdentity } from './log-storage.ts';
import { RocksLogStorage } from './rocks-log-storage.ts';
import { readSnapshot, SnapshotWriter, snapshotPath } from './snapshot-file.ts';
import type { StateMachine } from './types.ts';

const readBytes = 4 << 20;
const checksumBytes = 4;
const openingBrace = 0x7b;

export interface FolderReport {
  readonly dataDir: string;
  readonly state: 'missing' | 'ok' | 'damaged';
  /** What is wrong with a damaged one. */
  readonly problem?: string;
  readonly identity?: MemberIdentity;
  readonly term: number;
  /** What this member knew to be committed; more may be. */
  readonly commitIndex: number;
  readonly snapshotIndex: number;
  readonly firstIndex: number;
  readonly lastIndex: number;
  readonly lastTerm: number;
}

const nothing = { term: 0, commitIndex: 0, snapshotIndex: 0, firstIndex: 0, lastIndex: 0, lastTerm: 0 };

/** Reads every entry and the whole snapshot, so that damage is found now. */
export async function inspectFolder(dataDir: string): Promise<FolderReport> {
  let identity: MemberIdentity | undefined;
  try {
    identity = await readIdentity(dataDir);
    if (!identity) return { dataDir, state: 'missing', ...nothing };
    return await withLog(dataDir, identity, async (log) => {
      const { term, commit } = log.hardState();
      const snapshot = log.snapshot();
      const lastIndex = log.lastIndex();
      const report = {
        dataDir,
        identity: identity!,
        term,
        commitIndex: Math.max(commit, snapshot.index),
        snapshotIndex: snapshot.index,
        firstIndex: log.firstIndex(),
        lastIndex,
        lastTerm: log.term(lastIndex) ?? 0,
      };
      try {
        if (snapshot.index > 0) for await (const _ of readSnapshot(snapshotPath(dataDir, snapshot), snapshot));
        for (const _ of entriesFrom(log, Math.max(snapshot.index + 1, log.firstIndex())));
      } catch (error) {
        return { ...report, state: 'damaged', problem: (error as Error).message };
      }
      return { ...report, state: 'ok' };
    });
  } catch (error) {
    return { dataDir, state: 'damaged', problem: (error as Error).message, ...(identity && { identity }), ...nothing };
  }
}

export interface Replayed {
  readonly index: number;
  readonly term: number;
  readonly configuration: Configuration | undefined;
}

/** Brings a state machine to the last entry of the log, also past what was known to be committed. @throws StorageError */
export async function replayFolder(
  dataDir: string,
  identity: MemberIdentity,
  machine: StateMachine<unknown>,
): Promise<Replayed> {
  return withLog(dataDir, identity, async (log) => {
    const snapshot = log.snapshot();
    if (snapshot.index > 0)
      await machine.restore(readSnapshot(snapshotPath(dataDir, snapshot), snapshot), snapshot.index);
    const empty = new Uint8Array();
    let { configuration } = snapshot;
    for (const { index, term, kind, command } of entriesFrom(log, snapshot.index + 1)) {
      if (kind === 'configuration') configuration = decodeConfiguration(command);
      machine.apply({ index, term, command: kind === 'command' ? command : empty });
    }
    const index = log.lastIndex();
    machine.applied(index);
    return { index, term: log.term(index) ?? snapshot.term, configuration };
  });
}

/**
 * Makes the folder of a member that begins with this state, as if all of it had come as a snapshot at `index`.
 * @throws Error when the folder holds a log already
 */
export async function seedFolder(
  dataDir: string,
  identity: MemberIdentity,
  meta: SnapshotMeta,
  chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<void> {
  await mkdir(dataDir, { recursive: true });
  const present = (await readdir(dataDir)).find((name) => name === 'log' || name.startsWith('snapshot-'));
  if (present) throw new Error(`"${dataDir}" is not empty: it has "${present}"`);
  const writer = await SnapshotWriter.create(dataDir, meta, 'seed');
  try {
    for await (const chunk of chunks) await writer.write(chunk);
  } catch (error) {
    await writer.abort();
    throw error;
  }
  await writer.finish();
  await withLog(dataDir, identity, (log) => {
    const hardState = { term: meta.term, vote: 0, commit: meta.index };
    return new Promise((resolve) => log.write({ hardState, snapshot: meta, sync: true }, () => resolve(undefined)));
  });
}

async function withLog<T>(
  dataDir: string,
  identity: MemberIdentity,
  action: (log: RocksLogStorage) => Promise<T>,
): Promise<T> {
  const log = await RocksLogStorage.open(join(dataDir, 'log'), identity);
  try {
    return await action(log);
  } finally {
    await log.close();
  }
}

function* entriesFrom(log: RocksLogStorage, first: number): Generator<Entry> {
  for (let index = first; index <= log.lastIndex(); ) {
    const entries = log.entries(index, log.lastIndex() + 1, readBytes);
    yield* entries;
    index += entries.length;
  }
}

/** Undefined: there is no log. The record is JSON, behind four bytes of checksum from format 2 on; opening the log checks it. */
async function readIdentity(dataDir: string): Promise<MemberIdentity | undefined> {
  const dir = join(dataDir, 'log');
  if (!existsSync(join(dir, 'CURRENT'))) return undefined;
  const db = new RocksLevel(dir, { keyEncoding: 'buffer', valueEncoding: 'buffer' });
  try {
    await db.open({ createIfMissing: false });
    const [owner] = await db.getMany([Buffer.from('i')]);
    if (!owner) return undefined;
    // A checksum may hold any byte, a brace too; the fifth byte of a record of format 1 is the "i" of "clusterId".
    const json = owner[checksumBytes] === openingBrace ? owner.subarray(checksumBytes) : owner;
    return JSON.parse(json.toString()) as MemberIdentity;
  } catch (cause) {
    const reason = (cause as Error).cause ?? cause;
    throw new Error(`the Raft log in "${dir}" cannot be opened: ${(reason as Error).message}`, { cause });
  } finally {
    await db.close();
  }
}
