/** Runs handlers written as async functions under grpc-js: failures are mapped, cancellation is a signal, writes wait for the reader. */
import type * as grpc from '@grpc/grpc-js';
import { ApiError } from '../api/status.ts';
import type { Logger } from '../lib/logger.ts';
import { toGrpcFailure } from './grpc-status.ts';

/** For a unary method. */
export function unary<Request, Response>(
  logger: Logger,
  handle: (request: Request, call: grpc.ServerUnaryCall<Request, Response>) => Promise<Response>,
): grpc.handleUnaryCall<Request, Response> {
  return (call, callback) => {
    handle(call.request, call).then(
      (response) => callback(null, response),
      (error: unknown) => callback(failure(error, call.getPath(), logger)),
    );
  };
}

/** For a method that answers with a stream. `signal` aborts when the caller has cancelled, gone, or run out of time. */
export function serverStream<Request, Response>(
  logger: Logger,
  handle: (
    request: Request,
    write: (response: Response) => Promise<void>,
    signal: AbortSignal,
    call: grpc.ServerWritableStream<Request, Response>,
  ) => Promise<void>,
): grpc.handleServerStreamingCall<Request, Response> {
  return (call) => {
    const cancelled = new AbortController();
    call.once('cancelled', () => cancelled.abort());
    call.once('close', () => cancelled.abort());
    call.on('error', () => cancelled.abort());
    handle(call.request, (response) => write(call, response, cancelled.signal), cancelled.signal, call).then(
      () => call.end(),
      (error: unknown) => {
        if (!cancelled.signal.aborted) call.emit('error', failure(error, call.getPath(), logger));
      },
    );
  };
}

/** Resolves when the transport takes more, or nobody is there any longer. */
function write<Response>(
  call: grpc.ServerWritableStream<unknown, Response>,
  response: Response,
  signal: AbortSignal,
): Promise<void> {
  if (signal.aborted || call.write(response)) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      call.off('drain', done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    call.once('drain', done);
    signal.addEventListener('abort', done, { once: true });
  });
}

function failure(error: unknown, path: string, logger: Logger): ReturnType<typeof toGrpcFailure> {
  if (!(error instanceof ApiError)) logger.error({ err: error, path }, 'a gRPC handler failed');
  return toGrpcFailure(error);
}
