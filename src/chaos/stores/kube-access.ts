/** Chaos over the Kubernetes API: a namespace of its own, clients on the load balancer and on every master. */
import { isReason } from '../../api/status.ts';
import { resources } from '../../api/types.ts';
import { HttpClient } from '../../client/http-client.ts';
import type { ClusterAccess } from '../../client/kubeconfig.ts';
import type { RegisterStore, StoreAccess } from '../types.ts';
import { KubeStore } from './kube-store.ts';

export interface KubeAccessOptions {
  readonly access: ClusterAccess;
  readonly namespace: string;
  /** Ways into the cluster: a name for reports, and `https://host:port`. */
  readonly ways: readonly { readonly via: string; readonly server: string }[];
}

export function kubeAccess({ access, namespace, ways }: KubeAccessOptions): StoreAccess {
  const open = (index: number): RegisterStore => {
    const { via, server } = ways[index % ways.length]!;
    return new KubeStore(via, { ...access, server }, namespace);
  };
  const withClient = async (work: (client: HttpClient) => Promise<unknown>) => {
    const client = new HttpClient(access);
    try {
      await work(client);
    } finally {
      client.close();
    }
  };
  return {
    name: 'Kubernetes API',
    open,
    openEach: () => ways.map((_, index) => open(index)),
    prepare: () =>
      withClient(async (client) => {
        const object = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } };
        await client.create(resources.namespaces, object).catch((error: unknown) => {
          if (!isReason(error, 'AlreadyExists')) throw error;
        });
      }),
    cleanUp: () => withClient((client) => client.delete(resources.namespaces, { name: namespace })),
  };
}
