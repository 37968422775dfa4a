/**
 * containerd's native event stream (CRI's own GetContainerEvents is missing in containerd 1.6), limited to the namespace of the CRI service.
 * The stream has no replay: after every (re)connect the caller is told to look at everything (`resync`).
 */
import { fromBinary } from '@bufbuild/protobuf';
import { Events, TaskEventSchema, TaskExitSchema } from '../../../gen/containerd/services/events/v1/events_pb.ts';
import type { Envelope } from '../../../gen/containerd/types/event_pb.ts';
import type { Logger } from '../../../lib/logger.ts';
import { CRI_NAMESPACE, containerdClient } from '../containerd-client.ts';
import type { RuntimeEvent } from '../runtime.ts';

const RECONNECT_DELAY_MS = 500;
const TOPICS = ['/tasks/start', '/tasks/exit', '/tasks/oom', '/tasks/delete'];

export function watchContainerdEvents(
  socket: string,
  onEvent: (event: RuntimeEvent) => void,
  signal: AbortSignal,
  logger: Logger,
): void {
  const client = containerdClient(Events, socket);
  let timer: NodeJS.Timeout | undefined;
  const subscribe = () => {
    const filters = TOPICS.map((topic) => `namespace==${CRI_NAMESPACE},topic=="${topic}"`);
    const stream = client.serverStream(Events.method.subscribe, { filters });
    const cancel = () => stream.cancel();
    signal.addEventListener('abort', cancel, { once: true });
    stream.on('metadata', () => onEvent({ id: '', kind: 'resync' }));
    stream.on('data', (envelope: Envelope) => {
      const event = decode(envelope);
      if (event) onEvent(event);
    });
    let ended = false;
    const again = (reason: unknown) => {
      if (ended) return;
      ended = true;
      signal.removeEventListener('abort', cancel);
      if (signal.aborted) return;
      logger.debug({ reason: String(reason) }, 'containerd event stream ended');
      timer = setTimeout(() => {
        onEvent({ id: '', kind: 'resync' });
        subscribe();
      }, RECONNECT_DELAY_MS);
    };
    stream.on('error', again);
    stream.on('end', () => again('end of stream'));
  };
  signal.addEventListener(
    'abort',
    () => {
      clearTimeout(timer);
      client.close();
    },
    { once: true },
  );
  if (!signal.aborted) subscribe();
}

/** An exit of an exec'd process (its `id` differs from the container's) is not the container's end. */
function decode(envelope: Envelope): RuntimeEvent | undefined {
  const bytes = envelope.event?.value;
  if (!bytes) return undefined;
  if (envelope.topic === '/tasks/exit') {
    const exit = fromBinary(TaskExitSchema, bytes);
    return exit.id === exit.containerId ? { id: exit.containerId, kind: 'exited' } : undefined;
  }
  const id = fromBinary(TaskEventSchema, bytes).containerId;
  if (envelope.topic === '/tasks/start') return { id, kind: 'started' };
  if (envelope.topic === '/tasks/oom') return { id, kind: 'oom' };
  return { id, kind: 'deleted' };
}
