/** Watch as a stream. The next event is taken only when the reader has taken the last one, so a slow one is the API server's to cut off. */
import type { MessageInitShape } from '@bufbuild/protobuf';
import { ApiError } from '../api/status.ts';
import type { GroupVersionResource, KubernetesObject, TypedObject } from '../api/types.ts';
import type { ApiClient } from '../client/types.ts';
import { EventType, type WatchRequest, type WatchResponseSchema } from '../gen/trimast/resource/v1/resource_pb.ts';
import { defaultPageSize, pages } from './list.ts';
import { encodeObject } from './object-form.ts';

const eventTypes = {
  ADDED: EventType.ADDED,
  MODIFIED: EventType.MODIFIED,
  DELETED: EventType.DELETED,
} as const;

type Write = (response: MessageInitShape<typeof WatchResponseSchema>) => Promise<void>;

/** Resolves when the signal aborts or the watch ends. @throws ApiError of an ERROR event: `Expired` means to list again. */
export async function streamWatch(
  client: ApiClient,
  resource: GroupVersionResource,
  request: WatchRequest,
  write: Write,
  signal: AbortSignal,
): Promise<void> {
  const scope = {
    namespace: request.namespace || undefined,
    labelSelector: request.labelSelector || undefined,
    fieldSelector: request.fieldSelector || undefined,
    signal,
  };
  let resourceVersion = request.resourceVersion;
  if (resourceVersion === '') {
    for await (const page of pages(client, resource, { ...scope, limit: defaultPageSize })) {
      for (const item of page.items) await writeObject(write, EventType.ADDED, item, request);
      resourceVersion = page.resourceVersion;
    }
    await write({ type: EventType.BOOKMARK, resourceVersion });
  }
  if (signal.aborted) return;
  for await (const event of client.watch<KubernetesObject>(resource, { ...scope, resourceVersion })) {
    if (signal.aborted) return;
    if (event.type === 'ERROR') throw ApiError.fromStatus(event.object);
    if (event.type === 'BOOKMARK') {
      await write({ type: EventType.BOOKMARK, resourceVersion: event.object.metadata?.resourceVersion ?? '' });
    } else {
      await writeObject(write, eventTypes[event.type], event.object, request);
    }
  }
}

function writeObject(write: Write, type: EventType, object: TypedObject, request: WatchRequest): Promise<void> {
  return write({
    type,
    object: encodeObject(object, request.form),
    resourceVersion: object.metadata?.resourceVersion ?? '',
  });
}
