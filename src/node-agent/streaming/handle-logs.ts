/** `GET /containerLogs/NAMESPACE/POD/CONTAINER?follow&previous&tailLines&sinceSeconds&sinceTime&timestamps&limitBytes` */
import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ApiError } from '../../api/status.ts';
import type { ContainerTarget, PodLookup } from '../pod-lookup.ts';
import { type LogOptions, parseLogOptions } from './log-options.ts';
import { type LogSource, readLog } from './log-reader.ts';

export interface ContainerPath {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
}

/** Resolves when the response is over. @throws ApiError before anything was written. */
export async function handleLogs(
  pods: PodLookup,
  path: ContainerPath,
  query: URLSearchParams,
  response: ServerResponse,
  nowMs: number,
): Promise<void> {
  const options = parseLogOptions(query, nowMs);
  const container = pods.findContainer(path.namespace, path.pod, path.container);
  if (!container)
    throw new ApiError('NotFound', `container "${path.container}" of pod "${path.pod}" is not on this node`);
  const source = logSource(pods, path, container, options);

  const gone = new AbortController();
  response.once('close', () => gone.abort());
  const chunks = readLog(source, options, gone.signal);
  // The first piece is read before the headers go out, so that a missing file is still an honest error.
  const first = options.follow ? undefined : await firstChunk(chunks, container);
  response.writeHead(200, { 'content-type': 'text/plain' });
  response.flushHeaders();
  async function* body() {
    if (first && !first.done) yield first.value;
    yield* chunks;
  }
  try {
    await pipeline(Readable.from(body(), { objectMode: false }), response);
  } catch (error) {
    if (!gone.signal.aborted) throw error;
  }
}

async function firstChunk(chunks: AsyncGenerator<Buffer>, container: ContainerTarget): Promise<IteratorResult<Buffer>> {
  try {
    return await chunks.next();
  } catch (error) {
    throw new ApiError(
      'InternalError',
      `cannot read the log of container "${container.container}": ${(error as Error).message}`,
      undefined,
      {
        cause: error,
      },
    );
  }
}

/** Reasons that kubelet spells out. */
const reasonTexts: Readonly<Record<string, string>> = {
  ErrImagePull: "image can't be pulled",
  ImagePullBackOff: 'trying and failing to pull image',
};

function logSource(pods: PodLookup, path: ContainerPath, container: ContainerTarget, options: LogOptions): LogSource {
  if (options.previous) {
    if (container.previousLogPath === undefined) {
      throw new ApiError(
        'BadRequest',
        `previous terminated container "${path.container}" in pod "${path.pod}" not found`,
      );
    }
    return { path: container.previousLogPath, ended: () => true, subscribe: () => () => undefined };
  }
  if (container.logPath === undefined) {
    const waitingReason = container.waitingReason ?? 'ContainerCreating';
    const reason = reasonTexts[waitingReason] ?? waitingReason;
    throw new ApiError(
      'BadRequest',
      `container "${path.container}" in pod "${path.pod}" is waiting to start: ${reason}`,
    );
  }
  const { containerId } = container;
  return {
    path: container.logPath,
    ended() {
      const now = pods.findContainer(path.namespace, path.pod, path.container);
      return now === undefined || now.containerId !== containerId || now.state !== 'running';
    },
    subscribe: (onChange) => pods.subscribe(container.podUid, onChange),
  };
}
