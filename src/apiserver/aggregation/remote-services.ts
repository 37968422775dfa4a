/** Which group-versions other API servers answer, by APIService (Kubernetes, "Aggregation layer"). */
import type { APIService } from '../../api/generated/types/apiregistration-v1.ts';
import type { Store } from '../../store/types.ts';
import { FollowedKind } from '../followed-kind.ts';

export const apiServices = { group: 'apiregistration.k8s.io', version: 'v1', resource: 'apiservices' } as const;

export interface RemoteService {
  readonly group: string;
  readonly version: string;
  readonly namespace: string;
  readonly name: string;
  readonly port: number;
  readonly available: boolean;
  readonly object: APIService;
}

export class RemoteServices {
  readonly #followed: FollowedKind<APIService>;
  #byGroupVersion: ReadonlyMap<string, RemoteService> | undefined;

  constructor(store: Pick<Store, 'range' | 'watch'>) {
    this.#followed = new FollowedKind<APIService>(store, apiServices, () => {
      this.#byGroupVersion = undefined;
    });
  }

  find(group: string, version: string): RemoteService | undefined {
    return this.#index().get(`${group}/${version}`);
  }

  /** Groups in the order in which clients prefer them, versions too. */
  list(): RemoteService[] {
    const all = [...this.#index().values()];
    const priorityOf = new Map<string, number>();
    for (const { group, object } of all) {
      priorityOf.set(group, Math.max(priorityOf.get(group) ?? 0, object.spec?.groupPriorityMinimum ?? 0));
    }
    return all.sort(
      (a, b) =>
        priorityOf.get(b.group)! - priorityOf.get(a.group)! ||
        compare(a.group, b.group) ||
        (b.object.spec?.versionPriority ?? 0) - (a.object.spec?.versionPriority ?? 0) ||
        compare(a.version, b.version),
    );
  }

  #index(): ReadonlyMap<string, RemoteService> {
    this.#byGroupVersion ??= new Map(
      [...this.#followed.values()].flatMap((object) => {
        const { group = '', version = '', service } = object.spec ?? {};
        if (!service?.name || !service.namespace || group === '') return [];
        const { name, namespace, port = 443 } = service;
        const available = isAvailable(object);
        return [[`${group}/${version}`, { group, version, name, namespace, port, available, object }] as const];
      }),
    );
    return this.#byGroupVersion;
  }
}

export function isAvailable({ status }: APIService): boolean {
  return status?.conditions?.some(({ type, status }) => type === 'Available' && status === 'True') ?? false;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
