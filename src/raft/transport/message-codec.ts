/**
 * Core messages to and from the generated form of trimast.raft.v1, for the header of a snapshot transfer; what travels all the time is encoded by
 * batch-codec.ts. Who sends and who receives is a matter of the stream.
 */
import type { MessageInitShape } from '@bufbuild/protobuf';
import {
  type RaftMessage,
  type RaftMessageSchema,
  RaftMessage_Type as Type,
} from '../../gen/trimast/raft/v1/raft_pb.ts';
import { decodeConfiguration, encodeConfiguration } from '../core/configuration.ts';
import { type Entry, type Message, type MessageType, message, type SnapshotMeta } from '../core/types.ts';
import { decodePack, encodePack } from '../entry-codec.ts';

const toWireType: Record<MessageType, Type> = {
  append: Type.APPEND,
  'append-response': Type.APPEND_RESPONSE,
  heartbeat: Type.HEARTBEAT,
  'heartbeat-response': Type.HEARTBEAT_RESPONSE,
  'pre-vote': Type.PRE_VOTE,
  'pre-vote-response': Type.PRE_VOTE_RESPONSE,
  vote: Type.VOTE,
  'vote-response': Type.VOTE_RESPONSE,
  snapshot: Type.SNAPSHOT,
  'timeout-now': Type.TIMEOUT_NOW,
  'read-index': Type.READ_INDEX,
  'read-index-response': Type.READ_INDEX_RESPONSE,
  'transfer-leader': Type.TRANSFER_LEADER,
};

const fromWireType = new Map<number, MessageType>(
  Object.entries(toWireType).map(([name, type]) => [type, name as MessageType]),
);

export const wireTypeOf = (type: MessageType): number => toWireType[type];
/** Undefined: of a newer version. */
export const typeOfWire = (code: number): MessageType | undefined => fromWireType.get(code);

/** The pack that was encoded last: a leader sends the same entries to one follower after the other. */
let lastPack:
  | { readonly first: Entry; readonly last: Entry; readonly count: number; readonly bytes: Uint8Array }
  | undefined;

/** Entries are never changed and stand in log order: where first, last and number are the same, all are. */
export function packOf(entries: readonly Entry[]): Uint8Array {
  const [first, last, count] = [entries[0], entries.at(-1), entries.length];
  if (!first || !last) return new Uint8Array(0);
  if (lastPack?.first === first && lastPack.last === last && lastPack.count === count) return lastPack.bytes;
  const bytes = encodePack(entries);
  lastPack = { first, last, count, bytes };
  return bytes;
}

export function messageToWire(source: Message): MessageInitShape<typeof RaftMessageSchema> {
  return {
    type: toWireType[source.type],
    term: BigInt(source.term),
    index: BigInt(source.index),
    logTerm: BigInt(source.logTerm),
    commit: BigInt(source.commit),
    entries: packOf(source.entries),
    reject: source.reject,
    rejectHint: BigInt(source.rejectHint),
    context: BigInt(source.context),
    force: source.force,
    snapshotIndex: BigInt(source.snapshot?.index ?? 0),
    snapshotTerm: BigInt(source.snapshot?.term ?? 0),
    snapshotConfiguration: source.snapshot?.configuration
      ? encodeConfiguration(source.snapshot.configuration)
      : new Uint8Array(0),
  };
}

function snapshotFromWire({ snapshotIndex, snapshotTerm, snapshotConfiguration }: RaftMessage): SnapshotMeta {
  const meta = { index: Number(snapshotIndex), term: Number(snapshotTerm) };
  return snapshotConfiguration.length === 0
    ? meta
    : { ...meta, configuration: decodeConfiguration(snapshotConfiguration) };
}

/**
 * Undefined for a type that this version does not know: it is skipped, as if it were lost.
 * @throws EntryCorruptError, or Error for a configuration that cannot be read
 */
export function messageFromWire(wire: RaftMessage, from: number, to: number): Message | undefined {
  const type = fromWireType.get(wire.type);
  if (type === undefined) return undefined;
  const snapshotIndex = Number(wire.snapshotIndex);
  return message({
    type,
    from,
    to,
    term: Number(wire.term),
    index: Number(wire.index),
    logTerm: Number(wire.logTerm),
    commit: Number(wire.commit),
    entries: wire.entries.length > 0 ? decodePack(wire.entries) : [],
    reject: wire.reject,
    rejectHint: Number(wire.rejectHint),
    context: Number(wire.context),
    force: wire.force,
    snapshot: snapshotIndex > 0 ? snapshotFromWire(wire) : undefined,
  });
}
