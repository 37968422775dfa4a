/** Kinds that are served in more than one version and stored in one: the step between what clients see and what the store keeps. */
import type { ResourceDefinition } from '../api/definition.ts';
import { encodeForStorage } from '../api/storage-codec.ts';
import type { KubernetesObject } from '../api/types.ts';
import { readableAll } from './custom-resources/stored-form.ts';
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

export async function servedList(listed: ListedObjects): Promise<ListedObjects> {
  const { definition, items } = listed;
  if (definition.custom) return { ...listed, items: await readableAll(definition, items) };
  return definition.stored ? { ...listed, items: items.map((record) => servedRecord(definition, record)) } : listed;
}

export function servedStream(stream: WatchStream): WatchStream {
  const { definition } = stream;
  if (definition.custom) return customStream(stream);
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

/** A batch is converted at once. */
function customStream(stream: WatchStream): WatchStream {
  const { definition } = stream;
  return {
    definition,
    close: () => stream.close(),
    async *[Symbol.asyncIterator]() {
      for await (const batch of stream) {
        const records = batch.flatMap((event) => ('record' in event ? [event.record] : []));
        const shown = (await readableAll(definition, records)).values();
        yield batch.map((event) => ('record' in event ? { ...event, record: shown.next().value! } : event));
      }
    },
  };
}
