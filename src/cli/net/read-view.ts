/** The cluster's network as the API tells it, for commands that explain it. */
import type { Pod } from '../../api/generated/types/core-v1.ts';
import { resources, type TypedObject } from '../../api/types.ts';
import type { ApiClient } from '../../client/types.ts';
import { type NetworkResource, NetworkView, type ToldObject } from '../../network/view.ts';

const pageSize = 500;

const wanted: readonly [NetworkResource, (typeof resources)[keyof typeof resources]][] = [
  ['namespaces', resources.namespaces],
  ['nodes', resources.nodes],
  ['networkpolicies', resources.networkPolicies],
  ['services', resources.services],
  ['endpointslices', resources.endpointSlices],
  ['pods', resources.pods],
];

export async function readView(client: Pick<ApiClient, 'list'>): Promise<NetworkView> {
  const view = new NetworkView();
  view.begin(true);
  const told = await Promise.all(
    wanted.map(async ([name, resource]) => (await all(client, resource)).filter(isThere).map(tell(name))),
  );
  view.apply(told.flat(), 1n);
  return view;
}

async function all(
  client: Pick<ApiClient, 'list'>,
  resource: (typeof resources)[keyof typeof resources],
): Promise<TypedObject[]> {
  const items: TypedObject[] = [];
  let next: string | undefined;
  do {
    const page = await client.list(resource, { limit: pageSize, continue: next });
    items.push(...page.items);
    next = page.continue;
  } while (next);
  return items;
}

function tell(resource: NetworkResource) {
  return (object: TypedObject): ToldObject => {
    const { namespace, name = '' } = object.metadata ?? {};
    return { resource, key: namespace ? `${namespace}/${name}` : name, object };
  };
}

/** Pods that have ended have given their address back. */
function isThere(object: TypedObject): boolean {
  const phase = (object as Pod).status?.phase;
  return phase !== 'Succeeded' && phase !== 'Failed';
}
