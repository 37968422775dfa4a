/** Storage of pods that have no processes: nothing is written; the objects that volumes need must still be there. */
import { volumePayload } from './payload.ts';
import type { PodStorage } from './pod-storage.ts';

export function createNoStorage(): PodStorage {
  return {
    async prepare(pod, context, objects) {
      for (const volume of pod.spec.volumes ?? []) volumePayload(volume, context, { ...objects, token: () => '' });
    },
    written: async () => undefined,
    volumeFile: async () => undefined,
    localVolume: () => undefined,
    mounts: async () => [],
    terminationMessage: async () => '',
    logDirectory: ({ namespace, name, uid }) => `/var/log/pods/${namespace}_${name}_${uid}`,
    removeRun: async () => undefined,
    remove: async () => undefined,
    list: async () => [],
  };
}
