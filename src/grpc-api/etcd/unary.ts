/** Methods of which there are few calls: generated code reads and writes their messages. */
import {
  create,
  type DescMessage,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf';
import { type Call, GrpcError, grpcStatus, type Method } from '../../lib/lean-grpc/index.ts';
import { toEtcdError } from './errors.ts';

export function decode<I extends DescMessage>(schema: I, bytes: Uint8Array): MessageShape<I> {
  try {
    return fromBinary(schema, bytes);
  } catch (cause) {
    throw new GrpcError(grpcStatus.internal, `the request is no ${schema.typeName}`, { cause });
  }
}

export function encode<O extends DescMessage>(schema: O, message: MessageInitShape<O>): Uint8Array {
  return toBinary(schema, create(schema, message));
}

export function unary<I extends DescMessage, O extends DescMessage>(
  input: I,
  output: O,
  handle: (request: MessageShape<I>, call: Call) => Promise<MessageInitShape<O>> | MessageInitShape<O>,
): Method {
  return {
    kind: 'unary',
    async handle(bytes, call) {
      try {
        call.reply(encode(output, await handle(decode(input, bytes), call)));
      } catch (error) {
        call.failWith(toEtcdError(error));
      }
    },
  };
}
