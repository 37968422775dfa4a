/** List as a stream of pages of one moment. */
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { GroupVersionResource, KubernetesObject } from '../api/types.ts';
import type { ApiClient, ListOptions, ListResult } from '../client/types.ts';
import type { ListRequest, ListResponseSchema } from '../gen/trimast/resource/v1/resource_pb.ts';
import { encodeObject } from './object-form.ts';

export const defaultPageSize = 500;
/** Pages of ordinary objects then stay below the 4 MiB that gRPC clients accept. */
const maxPageSize = 500;

export async function streamList(
  client: ApiClient,
  resource: GroupVersionResource,
  request: ListRequest,
  write: (response: MessageInitShape<typeof ListResponseSchema>) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const options = {
    namespace: request.namespace || undefined,
    labelSelector: request.labelSelector || undefined,
    fieldSelector: request.fieldSelector || undefined,
    resourceVersion: request.resourceVersion || undefined,
    limit: request.pageSize > 0 ? Math.min(request.pageSize, maxPageSize) : defaultPageSize,
    signal,
  };
  for await (const page of pages(client, resource, options)) {
    await write({
      items: page.items.map((item) => encodeObject(item, request.form)),
      resourceVersion: page.resourceVersion,
    });
  }
}

/** At least one, also of an empty list. Stops when the signal aborts. */
export async function* pages(
  client: ApiClient,
  resource: GroupVersionResource,
  options: ListOptions,
): AsyncGenerator<ListResult<KubernetesObject>> {
  let next: string | undefined;
  do {
    // A continue token carries its own resourceVersion.
    const page: ListResult<KubernetesObject> = await client.list(resource, {
      ...options,
      resourceVersion: next === undefined ? options.resourceVersion : undefined,
      continue: next,
    });
    yield page;
    next = page.continue || undefined;
  } while (next !== undefined && !options.signal?.aborted);
}
