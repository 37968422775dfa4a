/**
 * The messages of the Exchange stream (proto/trimast/raft/v1), read and written by hand: every write and every read of the cluster passes
 * here several times. Hello and the answers to it are few; generated code is good enough for them.
 */
import { ForwardRefusal_Reason as Reason } from '../../gen/trimast/raft/v1/raft_pb.ts';
import { ProtoReader, ProtoWriter } from '../../lib/lean-grpc/index.ts';
import { decodeConfiguration, encodeConfiguration } from '../core/configuration.ts';
import type { Entry, Message, SnapshotMeta } from '../core/types.ts';
import { decodePack, encodeProposals } from '../entry-codec.ts';
import type { Forward, ForwardRefusal } from '../node.ts';
import { packOf, typeOfWire, wireTypeOf } from './message-codec.ts';

/** What accumulated in one turn. */
export interface Received {
  readonly messages: readonly Message[];
  readonly forwards: readonly Forward[];
  readonly refusals: readonly ForwardRefusal[];
}

/** Field number in ExchangeRequest. */
const batchField = 2;

const writer = new ProtoWriter();

const reasonCodes: Record<ForwardRefusal['reason'], Reason> = {
  'not-leader': Reason.NOT_LEADER,
  overloaded: Reason.OVERLOADED,
  refused: Reason.REFUSED,
};
const reasons = new Map(
  Object.entries(reasonCodes).map(([reason, code]) => [code as number, reason as ForwardRefusal['reason']]),
);

/** An ExchangeRequest; the bytes hold until the next one is encoded. */
export function encodeBatch({ messages, forwards, refusals }: Received): Uint8Array {
  const batch = writer.begin().open(batchField);
  for (const message of messages) writeMessage(message);
  for (const { term, origin, attempt, proposals } of forwards) {
    const start = writer.open(2);
    writer.number(1, term);
    writer.bytes(2, encodeProposals(proposals));
    writer.number(3, attempt);
    writer.number(4, origin);
    writer.close(start);
  }
  for (const { reason, origin, attempt, message = '' } of refusals) {
    const start = writer.open(3);
    writer.number(1, reasonCodes[reason]);
    writer.number(2, attempt);
    writer.number(3, origin);
    writer.text(4, message);
    writer.close(start);
  }
  writer.close(batch);
  return writer.finish();
}

function writeMessage(message: Message): void {
  const start = writer.open(1);
  writer.number(1, wireTypeOf(message.type));
  writer.number(2, message.term);
  writer.number(3, message.index);
  writer.number(4, message.logTerm);
  writer.number(5, message.commit);
  if (message.entries.length > 0) writer.bytes(6, packOf(message.entries));
  writer.bool(7, message.reject);
  writer.number(8, message.rejectHint);
  writer.number(9, message.context);
  writer.bool(10, message.force);
  const { snapshot } = message;
  if (snapshot) {
    writer.number(11, snapshot.index);
    writer.number(12, snapshot.term);
    if (snapshot.configuration) writer.bytes(13, encodeConfiguration(snapshot.configuration));
  }
  writer.close(start);
}

/** Undefined: this is a Hello, or something that this version does not know. */
export function decodeBatch(bytes: Uint8Array, from: number, to: number): Received | undefined {
  const reader = new ProtoReader(bytes);
  let batch: Received | undefined;
  while (reader.next()) {
    if (reader.field === batchField) batch = reader.message((inner) => readBatch(inner, from, to));
    else reader.skip();
  }
  return batch;
}

function readBatch(reader: ProtoReader, from: number, to: number): Received {
  const messages: Message[] = [];
  const forwards: Forward[] = [];
  const refusals: ForwardRefusal[] = [];
  while (reader.next()) {
    if (reader.field === 1) {
      const message = reader.message((inner) => readMessage(inner, from, to));
      // A snapshot message counts only behind its content.
      if (message && message.type !== 'snapshot') messages.push(message);
    } else if (reader.field === 2) forwards.push(reader.message(readForward));
    else if (reader.field === 3) refusals.push(reader.message(readRefusal));
    else reader.skip();
  }
  return { messages, forwards, refusals };
}

/** Undefined for a type that this version does not know: it is skipped, as if it were lost. */
function readMessage(reader: ProtoReader, from: number, to: number): Message | undefined {
  let wireType = 0;
  let term = 0;
  let index = 0;
  let logTerm = 0;
  let commit = 0;
  let entries: readonly Entry[] = [];
  let reject = false;
  let rejectHint = 0;
  let context = 0;
  let force = false;
  let snapshotIndex = 0;
  let snapshotTerm = 0;
  let configuration: SnapshotMeta['configuration'];
  while (reader.next()) {
    switch (reader.field) {
      case 1:
        wireType = reader.uint32();
        break;
      case 2:
        term = reader.number();
        break;
      case 3:
        index = reader.number();
        break;
      case 4:
        logTerm = reader.number();
        break;
      case 5:
        commit = reader.number();
        break;
      case 6:
        entries = decodePack(reader.bytes());
        break;
      case 7:
        reject = reader.bool();
        break;
      case 8:
        rejectHint = reader.number();
        break;
      case 9:
        context = reader.number();
        break;
      case 10:
        force = reader.bool();
        break;
      case 11:
        snapshotIndex = reader.number();
        break;
      case 12:
        snapshotTerm = reader.number();
        break;
      case 13:
        configuration = decodeConfiguration(reader.bytes());
        break;
      default:
        reader.skip();
    }
  }
  const type = typeOfWire(wireType);
  if (type === undefined) return undefined;
  const snapshot =
    snapshotIndex > 0
      ? { index: snapshotIndex, term: snapshotTerm, ...(configuration && { configuration }) }
      : undefined;
  return { type, from, to, term, index, logTerm, commit, entries, reject, rejectHint, context, force, snapshot };
}

function readForward(reader: ProtoReader): Forward {
  let term = 0;
  let proposals: Forward['proposals'] = [];
  let attempt = 0;
  let origin = 0;
  while (reader.next()) {
    if (reader.field === 1) term = reader.number();
    else if (reader.field === 2) proposals = decodePack(reader.bytes());
    else if (reader.field === 3) attempt = reader.number();
    else if (reader.field === 4) origin = reader.number();
    else reader.skip();
  }
  return { term, origin, attempt, proposals };
}

function readRefusal(reader: ProtoReader): ForwardRefusal {
  let reason: ForwardRefusal['reason'] = 'not-leader';
  let attempt = 0;
  let origin = 0;
  let message: string | undefined;
  while (reader.next()) {
    if (reader.field === 1) reason = reasons.get(reader.uint32()) ?? 'not-leader';
    else if (reader.field === 2) attempt = reader.number();
    else if (reader.field === 3) origin = reader.number();
    else if (reader.field === 4) message = reader.bytes().toString('utf8');
    else reader.skip();
  }
  return { reason, origin, attempt, message };
}
