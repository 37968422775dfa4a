/**
 * Runs a command in a running container through containerd's tasks service, with FIFOs as its standard streams. Unlike the CRI's Exec this
 * can close the command's standard input alone (`CloseIO`), which `tar xf -` and every filter wait for.
 *
 * The command is killed when its client goes away.
 */
import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { ApiError, type Status } from '../../api/status.ts';
import { Containers } from '../../gen/containerd/services/containers/v1/containers_pb.ts';
import { Tasks } from '../../gen/containerd/services/tasks/v1/tasks_pb.ts';
import type { GrpcClient } from '../../lib/grpc.ts';
import type { Logger } from '../../lib/logger.ts';
import { containerdClient } from '../runtime/containerd-client.ts';
import { closeAfterWrites, createFifos, type Fifos } from './fifos.ts';
import { exitOutcome } from './outcome.ts';
import type { ProcessStreams } from './process-streams.ts';

const processTypeUrl = 'types.containerd.io/opencontainers/runtime-spec/1/Process';
const sigkill = 9;
/** Output may be held open by children that the command left behind; this long without a byte after its exit means that no more is awaited. */
const outputIdleMs = 2_000;
const callTimeoutMs = 30_000;

export interface ExecRequest {
  readonly containerId: string;
  readonly command: readonly string[];
  readonly tty: boolean;
}

/** Runs a command to its end and says how it ended. Tests have one of their own. */
export interface CommandExecutor {
  exec(request: ExecRequest, streams: ProcessStreams): Promise<Status>;
}

export class ContainerdExecutor implements CommandExecutor {
  readonly #tasks: GrpcClient<typeof Tasks>;
  readonly #containers: GrpcClient<typeof Containers>;
  readonly #logger: Logger;

  constructor(socket: string, logger: Logger) {
    this.#tasks = containerdClient(Tasks, socket);
    this.#containers = containerdClient(Containers, socket);
    this.#logger = logger;
  }

  /** @throws Error when the command could not be started; what it did afterwards is the returned outcome. */
  async exec(request: ExecRequest, streams: ProcessStreams): Promise<Status> {
    const { containerId } = request;
    const spec = await this.#processSpec(request);
    const fifos = await createFifos({
      stdin: streams.stdin !== undefined,
      stdout: streams.stdout !== undefined,
      stderr: streams.stderr !== undefined && !request.tty,
    });
    const ids = { containerId, execId: `exec-${randomUUID()}` };
    try {
      await this.#tasks.unary(
        Tasks.method.exec,
        { ...ids, ...fifos.paths, terminal: request.tty, spec: { typeUrl: processTypeUrl, value: spec } },
        timeLimit(),
      );
      try {
        return await this.#attend(ids, fifos, streams);
      } finally {
        await this.#tasks.unary(Tasks.method.deleteProcess, ids, timeLimit()).catch((error: unknown) => {
          this.#logger.warn({ err: error, ...ids }, 'could not delete a finished exec process');
        });
      }
    } finally {
      await fifos.dispose();
    }
  }

  close(): void {
    this.#tasks.close();
    this.#containers.close();
  }

  async #attend(ids: { containerId: string; execId: string }, fifos: Fifos, streams: ProcessStreams): Promise<Status> {
    const outputs = [
      { from: fifos.stdout, to: streams.stdout },
      { from: fifos.stderr, to: streams.stderr },
    ].filter((output): output is Output => output.from !== undefined && output.to !== undefined);
    for (const { from, to } of outputs) from.pipe(to, { end: false });
    const outputsEnded = Promise.all(outputs.map(({ from }) => closed(from)));

    await this.#tasks.unary(Tasks.method.start, ids, timeLimit());
    const kill = () => {
      this.#tasks.unary(Tasks.method.kill, { ...ids, signal: sigkill }, timeLimit()).catch((error: unknown) => {
        this.#logger.debug(
          { err: error, ...ids },
          'could not kill an exec process whose client is gone; it may have ended',
        );
      });
    };
    if (streams.signal.aborted) kill();
    else streams.signal.addEventListener('abort', kill, { once: true });
    try {
      if (fifos.stdin && streams.stdin) this.#feed(ids, streams.stdin, fifos.stdin);
      streams.onResize((size) => {
        this.#tasks.unary(Tasks.method.resizePty, { ...ids, ...size }, timeLimit()).catch((error: unknown) => {
          this.#logger.debug({ err: error, ...ids }, 'could not resize the terminal of an exec process');
        });
      });
      const { exitStatus } = await this.#tasks.unary(Tasks.method.wait, ids);
      await drained(outputs, outputsEnded, streams.signal);
      return exitOutcome(exitStatus);
    } finally {
      streams.signal.removeEventListener('abort', kill);
    }
  }

  /** The shim keeps the FIFO open itself, so the command sees the end of its input only after `CloseIO`. */
  #feed(ids: { containerId: string; execId: string }, from: NonNullable<ProcessStreams['stdin']>, to: Socket): void {
    from.pipe(to, { end: false });
    // A command that has closed its input, or has ended, leaves a client's bytes with no place to go.
    to.once('close', () => from.resume());
    from.once('end', () => {
      closeAfterWrites(to)
        .then(() => this.#tasks.unary(Tasks.method.closeIO, { ...ids, stdin: true }, timeLimit()))
        .catch((error: unknown) => {
          this.#logger.debug({ err: error, ...ids }, 'could not close the input of an exec process; it may have ended');
        });
    });
  }

  /** The container's own process (user, environment, directory, capabilities) with another command. */
  async #processSpec(request: ExecRequest): Promise<Uint8Array> {
    const { container } = await this.#containers.unary(Containers.method.get, { id: request.containerId }, timeLimit());
    const value = container?.spec?.value;
    if (!value) throw new ApiError('InternalError', `container ${request.containerId} has no OCI spec in containerd`);
    const { process } = JSON.parse(Buffer.from(value).toString()) as { process: { env?: string[] } };
    const env = process.env ?? [];
    const needsTerm = request.tty && !env.some((variable) => variable.startsWith('TERM='));
    return Buffer.from(
      JSON.stringify({
        ...process,
        args: request.command,
        terminal: request.tty,
        consoleSize: undefined,
        env: needsTerm ? [...env, 'TERM=xterm'] : env,
      }),
    );
  }
}

interface Output {
  readonly from: Socket;
  readonly to: NonNullable<ProcessStreams['stdout']>;
}

function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.destroyed) resolve();
    else socket.once('close', () => resolve());
  });
}

/** Resolves when all output was passed on, when nothing more is to be expected, or when nobody is there to read it. */
async function drained(outputs: readonly Output[], ended: Promise<unknown>, signal: AbortSignal): Promise<void> {
  let isEnded = false;
  const end = ended.then(() => {
    isEnded = true;
  });
  let seenBytes = -1;
  while (!isEnded && !signal.aborted) {
    const bytes = outputs.reduce((sum, { from }) => sum + from.bytesRead, 0);
    const held = outputs.some(({ to }) => to.writableNeedDrain);
    if (bytes === seenBytes && !held) return;
    seenBytes = bytes;
    const idle = new AbortController();
    await Promise.race([end, delay(outputIdleMs, undefined, { signal: idle.signal }).catch(() => undefined)]);
    idle.abort();
  }
}

function timeLimit(): { deadline: number } {
  return { deadline: Date.now() + callTimeoutMs };
}
