/** Chaos over etcd's v3 interface: a prefix of its own, clients on every master. */
import { clientCredentials, type TlsFiles } from '../../lib/grpc.ts';
import type { StoreAccess } from '../types.ts';
import { EtcdStore } from './etcd-store.ts';

export interface EtcdAccessOptions {
  readonly tls: TlsFiles;
  /** Ends with a slash. */
  readonly prefix: string;
  /** Ways into the cluster: a name for reports, and `host:port`. */
  readonly ways: readonly { readonly via: string; readonly address: string }[];
}

export function etcdAccess({ tls, prefix, ways }: EtcdAccessOptions): StoreAccess {
  const credentials = clientCredentials(tls);
  const open = (index: number) => {
    const { via, address } = ways[index % ways.length]!;
    return new EtcdStore(via, address, credentials, prefix);
  };
  return {
    name: 'etcd API',
    open,
    openEach: () => ways.map((_, index) => open(index)),
    prepare: async () => undefined,
    async cleanUp() {
      const store = open(0);
      try {
        await store.deleteAll();
      } finally {
        store.close();
      }
    },
  };
}
