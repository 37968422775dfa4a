/** `trimast.kv.v1.KvService`: see its contract for what a client may count on. */
import { Reason } from '../../gen/trimast/kv/v1/kv_pb.ts';
import { type Call, GrpcError, type Method, ProtoWriter } from '../../lib/lean-grpc/index.ts';
import { maxMessageBytes } from '../../lib/lean-grpc/limits.ts';
import { type Store, StoreError, type StoreErrorCode } from '../../store/types.ts';
import { protectedPrefixOf, protectionMessage, refuseProtectedTransaction } from '../etcd/protected-keys.ts';
import type { ReadGate } from '../etcd/read-gate.ts';
import { readCalls, type StreamCall, writeCommitted, writeFailure, writeLimits } from './codec.ts';
import { maxCallsInFlight, responseBytes, resumeCallsInFlight } from './limits.ts';

export function kvStreamMethods(store: Store, gate: ReadGate): [string, Method][] {
  return [
    [
      '/trimast.kv.v1.KvService/Stream',
      {
        kind: 'stream',
        handle(call) {
          new KvStream(store, gate, call);
        },
      },
    ],
  ];
}

const reasons: Readonly<Partial<Record<StoreErrorCode, Reason>>> = {
  'too-large': Reason.TOO_LARGE,
  compacted: Reason.REVISION,
  'future-revision': Reason.REVISION,
  'lease-not-found': Reason.LEASE_NOT_FOUND,
  'no-space': Reason.NO_SPACE,
  unavailable: Reason.UNAVAILABLE,
};

class KvStream {
  readonly #store: Store;
  readonly #gate: ReadGate;
  readonly #call: Call;
  readonly #writer = new ProtoWriter();
  #inFlight = 0;
  #paused = false;
  #full = false;
  #halfClosed = false;
  #flushWanted = false;

  constructor(store: Store, gate: ReadGate, call: Call) {
    this.#store = store;
    this.#gate = gate;
    this.#call = call;
    call.onMessage = (message) => this.#receive(message);
    call.onHalfClose = () => {
      this.#halfClosed = true;
      this.#endIfDone();
    };
    call.onDrain = () => {
      this.#full = false;
      this.#updatePaused();
    };
    writeLimits(this.#writer.begin(), maxCallsInFlight, maxMessageBytes);
    call.send(this.#writer.finish());
    this.#writer.begin();
  }

  #receive(message: Uint8Array): void {
    readCalls(message, (call) => {
      this.#inFlight++;
      this.#start(call);
    });
    this.#updatePaused();
  }

  #start(call: StreamCall): void {
    if (call.type === 'invalid') this.#refused(call.number, Reason.INVALID, call.message);
    else if (call.type === 'range') this.#range(call);
    else this.#write(call);
  }

  #write({ number, transaction, single }: Extract<StreamCall, { type: 'write' }>): void {
    const protectedBy = protectionOf(transaction);
    if (protectedBy !== undefined) {
      this.#refused(number, Reason.PROTECTED, protectedBy);
      return;
    }
    const isPut = single && transaction.success[0]!.type === 'put';
    this.#store.submit(transaction, (error, result) => {
      if (!result) {
        this.#failed(number, error);
        return;
      }
      writeCommitted(this.#writer, number, result.revision, result.succeeded, isPut ? undefined : result.results);
      this.#answered();
    });
  }

  #range({ number, operation, serializable }: Extract<StreamCall, { type: 'range' }>): void {
    const answer = (): void => {
      try {
        const result = this.#store.range(operation);
        writeCommitted(this.#writer, number, result.revision, true, [{ type: 'range', ...result }]);
        this.#answered();
      } catch (error) {
        this.#failed(number, error);
      }
    };
    if (operation.key === '' && operation.end === undefined) this.#refused(number, Reason.INVALID, 'an empty key');
    else if (serializable) answer();
    else this.#gate.enter((error) => (error === undefined ? answer() : this.#failed(number, error)));
  }

  #failed(number: number, error: unknown): void {
    if (!(error instanceof StoreError)) {
      this.#call.failWith(error);
      return;
    }
    const reason = error.code === 'unknown-outcome' ? 0 : (reasons[error.code] ?? Reason.INVALID);
    writeFailure(this.#writer, number, reason, error.message);
    this.#answered();
  }

  #refused(number: number, reason: Reason, message: string): void {
    writeFailure(this.#writer, number, reason, message);
    this.#answered();
  }

  /** Answers of one turn of the event loop leave together. */
  #answered(): void {
    this.#inFlight--;
    if (this.#writer.length >= responseBytes) this.#flush();
    else if (!this.#flushWanted) {
      this.#flushWanted = true;
      setImmediate(() => {
        this.#flushWanted = false;
        this.#flush();
      });
    }
  }

  #flush(): void {
    if (this.#writer.length > 0 && !this.#call.ended && !this.#call.send(this.#writer.finish())) this.#full = true;
    this.#writer.begin();
    this.#updatePaused();
    this.#endIfDone();
  }

  #updatePaused(): void {
    const limit = this.#paused ? resumeCallsInFlight : maxCallsInFlight;
    const paused = this.#full || this.#inFlight >= limit;
    if (paused === this.#paused) return;
    this.#paused = paused;
    if (paused) this.#call.pause();
    else this.#call.resume();
  }

  #endIfDone(): void {
    if (this.#halfClosed && this.#inFlight === 0 && this.#writer.length === 0) this.#call.end();
  }
}

/** Why this transaction may not write what it would; undefined when it may. */
function protectionOf(transaction: Extract<StreamCall, { type: 'write' }>['transaction']): string | undefined {
  const [first] = transaction.success;
  if (transaction.success.length === 1 && !transaction.failure && first?.type === 'put') {
    const prefix = protectedPrefixOf({ key: first.key });
    return prefix === undefined ? undefined : protectionMessage(prefix);
  }
  try {
    refuseProtectedTransaction(transaction);
    return undefined;
  } catch (error) {
    if (error instanceof GrpcError) return error.message;
    throw error;
  }
}
