/** Kinds that are served in more than one version and stored in one: the step between what clients see and what the store keeps. */
import type { ResourceDefinition } from '../api/definition.ts';
import { encodeForStorage } from '../api/storage-codec.ts';
import type { KubernetesObject } from '../api/types.ts';
import { decodeShared, type ObjectRecord } from './object-record.ts';
import type { ListedObjects } from './verbs/list.ts';
import type { WatchRecord, WatchStream } from './verbs/watch.ts';

export function toStored(definition: ResourceDefinition, object: KubernetesObject): KubernetesObject {
  return definition.stored ? definition.stored.toStored(object) : object;
}

export function fromStored(definition: ResourceDefinition, object: KubernetesObject): KubernetesObject {
  return definition.stored ? definition.stored.fromStored(object) : object;
}

export function servedRecord(definition: ResourceDefinition | undefined, record: ObjectRecord): ObjectRecord {
  if (!definition?.stored) return record;
  return { ...record, value: encodeForStorage(fromStored(definition, decodeShared(record))) };
}

export function servedList(listed: ListedObjects): ListedObjects {
  const { definition, items } = listed;
  return definition.stored ? { ...listed, items: items.map((record) => servedRecord(definition, record)) } : listed;
}

export function servedStream(stream: WatchStream): WatchStream {
  const { definition } = stream;
  if (!definition.stored) return stream;
  const served = (event: WatchRecord): WatchRecord =>
    'record' in event ? { ...event, record: servedRecord(definition, event.record) } : event;
  return {
    definition,
    close: () => stream.close(),
    async *[Symbol.asyncIterator]() {
      for await (const batch of stream) yield batch.map(served);
    },
  };
}
