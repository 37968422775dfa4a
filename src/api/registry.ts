/** Every kind that this server serves, found by resource or by kind. */
import { assert } from '../lib/assert.ts';
import type { KindRegistry, ResourceDefinition } from './definition.ts';
import { configMapDefinition } from './kinds/config-map/definition.ts';
import { deploymentDefinition } from './kinds/deployment/definition.ts';
import { endpointSliceDefinition, endpointsDefinition } from './kinds/endpoints/definition.ts';
import { eventDefinition } from './kinds/event/definition.ts';
import { eventsV1Definition } from './kinds/event/events-v1.ts';
import { leaseDefinition } from './kinds/lease/definition.ts';
import { namespaceDefinition } from './kinds/namespace/definition.ts';
import { nodeDefinition } from './kinds/node/definition.ts';
import { plainDefinitions } from './kinds/plain/definition.ts';
import { podDefinition } from './kinds/pod/definition.ts';
import { replicaSetDefinition } from './kinds/replica-set/definition.ts';
import { secretDefinition } from './kinds/secret/definition.ts';
import { serviceDefinition } from './kinds/service/definition.ts';
import { serviceAccountDefinition } from './kinds/service-account/definition.ts';
import type { GroupVersionKind, GroupVersionResource } from './types.ts';

const builtIn: readonly ResourceDefinition[] = [
  configMapDefinition,
  endpointsDefinition,
  eventDefinition,
  eventsV1Definition,
  namespaceDefinition,
  nodeDefinition,
  podDefinition,
  secretDefinition,
  serviceAccountDefinition,
  serviceDefinition,
  deploymentDefinition,
  replicaSetDefinition,
  leaseDefinition,
  endpointSliceDefinition,
  ...plainDefinitions,
];

/** The built-in kinds, sorted as discovery lists them: by group, version, resource. */
export function createKindRegistry(): KindRegistry {
  const definitions = [...builtIn].sort((a, b) => compare(resourceKey(a), resourceKey(b)));
  const byResource = new Map(definitions.map((definition) => [resourceKey(definition), definition]));
  const byKind = new Map(definitions.map((definition) => [kindKey(definition), definition]));
  assert(byResource.size === definitions.length, 'two definitions of one resource');
  return {
    definitions,
    find: (resource) => byResource.get(resourceKey(resource)),
    findKind: (kind) => byKind.get(kindKey(kind)),
  };
}

function resourceKey(resource: GroupVersionResource): string {
  return `${resource.group}/${resource.version}/${resource.resource}`;
}

function kindKey(kind: GroupVersionKind): string {
  return `${kind.group}/${kind.version}/${kind.kind}`;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
