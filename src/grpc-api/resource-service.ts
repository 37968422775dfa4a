/**
 * `trimast.resource.v1.ResourceService` over an {@link ApiClient} per caller: the same handlers, rights and admission as REST.
 */
import type * as grpc from '@grpc/grpc-js';
import { ApiError } from '../api/status.ts';
import type { GroupVersionResource } from '../api/types.ts';
import type { UserInfo } from '../apiserver/types.ts';
import type { ApiClient, DeleteOptions, ObjectKey, PatchType } from '../client/types.ts';
import {
  type ObjectKey as ObjectKeyMessage,
  PatchType as PatchTypeMessage,
  PropagationPolicy,
  type Resource,
  ResourceService,
} from '../gen/trimast/resource/v1/resource_pb.ts';
import { addService } from '../lib/grpc.ts';
import type { Logger } from '../lib/logger.ts';
import { serverStream, unary } from './call-runner.ts';
import { callerOf } from './caller.ts';
import { streamList } from './list.ts';
import { decodeObject, encodeObject, parseJson } from './object-form.ts';
import { streamWatch } from './watch.ts';

const patchTypes: Readonly<Partial<Record<PatchTypeMessage, PatchType>>> = {
  [PatchTypeMessage.JSON]: 'json',
  [PatchTypeMessage.MERGE]: 'merge',
  [PatchTypeMessage.STRATEGIC]: 'strategic',
  [PatchTypeMessage.APPLY]: 'apply',
};

const propagationPolicies: Readonly<Partial<Record<PropagationPolicy, DeleteOptions['propagationPolicy']>>> = {
  [PropagationPolicy.BACKGROUND]: 'Background',
  [PropagationPolicy.FOREGROUND]: 'Foreground',
  [PropagationPolicy.ORPHAN]: 'Orphan',
};

/** `clientFor` gives a client with the rights of the user; it is called once per call. */
export function addResourceService(
  server: grpc.Server,
  clientFor: (user: UserInfo) => ApiClient,
  logger: Logger,
): void {
  const clientOf = (call: Parameters<typeof callerOf>[0]): ApiClient => clientFor(callerOf(call));
  addService(server, ResourceService, {
    get: unary(logger, async (request, call) => {
      const options = request.resourceVersion === '' ? {} : { resourceVersion: request.resourceVersion };
      const object = await clientOf(call).get(resourceOf(request.resource), keyOf(request.key), options);
      return { object: encodeObject(object, request.form) };
    }),
    list: serverStream(logger, (request, write, signal, call) =>
      streamList(clientOf(call), resourceOf(request.resource), request, write, signal),
    ),
    watch: serverStream(logger, (request, write, signal, call) =>
      streamWatch(clientOf(call), resourceOf(request.resource), request, write, signal),
    ),
    create: unary(logger, async (request, call) => {
      const object = await clientOf(call).create(resourceOf(request.resource), decodeObject(request.object));
      return { object: encodeObject(object, request.form) };
    }),
    update: unary(logger, async (request, call) => {
      const subresource = request.subresource || undefined;
      const object = await clientOf(call).update(
        resourceOf(request.resource),
        decodeObject(request.object),
        subresource,
      );
      return { object: encodeObject(object, request.form) };
    }),
    patch: unary(logger, async (request, call) => {
      const type = patchTypes[request.type];
      if (!type) throw new ApiError('BadRequest', 'type: must be JSON, MERGE, STRATEGIC or APPLY');
      const object = await clientOf(call).patch(
        resourceOf(request.resource),
        keyOf(request.key),
        type,
        parseJson(request.patch, 'patch'),
        request.subresource || undefined,
        {
          ...(request.fieldManager !== '' && { fieldManager: request.fieldManager }),
          ...(request.force && { force: true }),
        },
      );
      return { object: encodeObject(object, request.form) };
    }),
    delete: unary(logger, async (request, call) => {
      await clientOf(call).delete(resourceOf(request.resource), keyOf(request.key), {
        gracePeriodSeconds: request.gracePeriodSeconds === undefined ? undefined : Number(request.gracePeriodSeconds),
        propagationPolicy: propagationPolicies[request.propagationPolicy],
        ...((request.uid !== '' || request.resourceVersion !== '') && {
          preconditions: { uid: request.uid || undefined, resourceVersion: request.resourceVersion || undefined },
        }),
      });
      return {};
    }),
  });
}

function resourceOf(resource: Resource | undefined): GroupVersionResource {
  if (!resource?.version || !resource.resource) {
    throw new ApiError(
      'BadRequest',
      'resource: version and resource are required, as in {group: "apps", version: "v1", resource: "deployments"}',
    );
  }
  return { group: resource.group, version: resource.version, resource: resource.resource };
}

function keyOf(key: ObjectKeyMessage | undefined): ObjectKey {
  if (!key?.name) throw new ApiError('BadRequest', 'key: a name is required');
  return { namespace: key.namespace || undefined, name: key.name };
}
