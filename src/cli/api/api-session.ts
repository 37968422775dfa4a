/** A connection of our own few API commands: the cluster's kubeconfig, its discovery, and namespaces as kubectl has them. */
import { type DiscoveredResource, discover, findResource } from '../../client/discovery.ts';
import { HttpClient } from '../../client/http-client.ts';
import { loadKubeconfig } from '../../client/kubeconfig.ts';
import { CliError } from '../cli-error.ts';
import { type DirOption, openCluster } from '../cluster/open-cluster.ts';

export interface ApiOptions extends DirOption {
  readonly namespace?: string | undefined;
}

export class ApiSession {
  readonly client: HttpClient;
  readonly namespace: string;
  #resources: Promise<DiscoveredResource[]> | undefined;

  constructor(options: ApiOptions) {
    const { paths } = openCluster(options);
    const access = loadKubeconfig(paths.kubeconfig);
    this.client = new HttpClient(access);
    this.namespace = options.namespace ?? access.namespace;
  }

  resources(): Promise<DiscoveredResource[]> {
    this.#resources ??= discover((path, accept) => this.client.raw(path, accept));
    return this.#resources;
  }

  /** By plural, singular, short name or kind. @throws CliError when the server has no such resource. */
  async resource(typed: string): Promise<DiscoveredResource> {
    const found = findResource(await this.resources(), typed);
    if (!found) throw new CliError(`the server has no resource "${typed}"`, { exitCode: 2 });
    return found;
  }

  /** The namespace to use for a resource: none for one that has none. */
  namespaceFor(resource: DiscoveredResource): string | undefined {
    return resource.namespaced ? this.namespace : undefined;
  }
}

export async function withSession<T>(options: ApiOptions, action: (session: ApiSession) => Promise<T>): Promise<T> {
  const session = new ApiSession(options);
  try {
    return await action(session);
  } finally {
    session.client.close();
  }
}
