/** Exec, attach and port-forward on an upgraded connection. */
import { ApiError, type Status } from '../../api/status.ts';
import type { Logger } from '../../lib/logger.ts';
import type { ContainerTarget, PodLookup } from '../pod-lookup.ts';
import { attach } from './attach.ts';
import type { RuntimeStreaming } from './cri-streaming.ts';
import type { CommandExecutor } from './exec.ts';
import { handleConnect } from './handle-connect.ts';
import type { ContainerPath } from './handle-logs.ts';
import { handlePortForward } from './handle-port-forward.ts';
import { isTrue } from './log-options.ts';
import { failureOutcome } from './outcome.ts';
import type { StreamSelection } from './process-streams.ts';
import type { Route } from './routes.ts';
import { acceptProcessStreams, type UpgradeRequest } from './upgrade.ts';

/** What runs commands and reaches pods; containerd, or a fake in tests. */
export interface StreamingBackend {
  readonly executor: CommandExecutor;
  readonly streaming: RuntimeStreaming;
}

/** Resolves when the exchange is over. @throws ApiError only while the connection still speaks HTTP. */
export async function handleUpgrade(
  pods: PodLookup,
  backend: StreamingBackend | undefined,
  route: Route,
  upgrade: UpgradeRequest,
  logger: Logger,
): Promise<void> {
  if (pods.hollow || !backend) {
    throw new ApiError(
      'BadRequest',
      'this is a hollow node: its pods have no processes, so there is nothing to connect to',
    );
  }
  switch (route.kind) {
    case 'exec': {
      const command = route.query.getAll('command');
      if (command.length === 0)
        throw new ApiError('BadRequest', 'you must specify at least 1 command for the container');
      const { containerId } = runningContainer(pods, route.path);
      const selection = streamSelection(route.query);
      await runProcess(upgrade, selection, logger, (streams) =>
        backend.executor.exec({ containerId, command, tty: selection.tty }, streams),
      );
      return;
    }
    case 'attach': {
      const container = runningContainer(pods, route.path);
      // Whether there is a terminal was decided when the container was created.
      const wanted = streamSelection(route.query);
      const selection = { ...wanted, tty: container.tty, stderr: wanted.stderr && !container.tty };
      await runProcess(upgrade, selection, logger, (streams) =>
        attach(backend.streaming, container.containerId, selection, streams),
      );
      return;
    }
    case 'portForward': {
      const pod = pods.findPod(route.namespace, route.pod);
      if (!pod?.sandboxId) throw new ApiError('NotFound', `pod "${route.pod}" is not running on this node`);
      await handlePortForward(backend.streaming, pod.sandboxId, route.query, upgrade);
      return;
    }
    case 'connect':
      return handleConnect(pods.findPod(route.namespace, route.pod), route.pod, route.port, upgrade);
    default:
      throw new ApiError('BadRequest', `${route.kind} is not served on an upgraded connection`);
  }
}

/** Accepts the connection; from then on failures are told on the error channel. */
async function runProcess(
  upgrade: UpgradeRequest,
  selection: StreamSelection,
  logger: Logger,
  run: (streams: Awaited<ReturnType<typeof acceptProcessStreams>>) => Promise<Status>,
): Promise<void> {
  const streams = await acceptProcessStreams(upgrade, selection);
  const outcome = await run(streams).catch((error: unknown) => {
    const failure = failureOutcome(error);
    logger.info({ reason: failure.message }, 'exec or attach failed');
    return failure;
  });
  await streams.finish(outcome);
}

function runningContainer(pods: PodLookup, path: ContainerPath): ContainerTarget & { readonly containerId: string } {
  const container = pods.findContainer(path.namespace, path.pod, path.container);
  if (!container?.containerId || container.state !== 'running') {
    throw new ApiError('NotFound', `container not found ("${path.container}"): it is not running in pod "${path.pod}"`);
  }
  return { ...container, containerId: container.containerId };
}

/** Both spellings: the API's (`stdin`) and a kubelet's (`input`). */
function streamSelection(query: URLSearchParams): StreamSelection {
  const asked = (...names: string[]) => names.some((name) => isTrue(query.get(name)));
  const tty = asked('tty');
  const selection = {
    stdin: asked('stdin', 'input'),
    stdout: asked('stdout', 'output'),
    stderr: asked('stderr', 'error') && !tty,
    tty,
  };
  if (!selection.stdin && !selection.stdout && !selection.stderr) {
    throw new ApiError('BadRequest', 'you must specify at least 1 of stdin, stdout, stderr');
  }
  return selection;
}
