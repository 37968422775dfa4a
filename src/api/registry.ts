/** Every kind that this server serves, found by resource or by kind. */
import { assert } from '../lib/assert.ts';
import type { KindRegistry, ResourceDefinition } from './definition.ts';
import { apiServiceDefinition } from './kinds/api-service/definition.ts';
import { certificateSigningRequestDefinition } from './kinds/certificate-signing-request/definition.ts';
import { componentStatusDefinition } from './kinds/component-status/definition.ts';
import { configMapDefinition } from './kinds/config-map/definition.ts';
import { controllerRevisionDefinition } from './kinds/controller-revision/definition.ts';
import { cronJobDefinition } from './kinds/cron-job/definition.ts';
import { csiDriverDefinition } from './kinds/csi-driver/definition.ts';
import { csiNodeDefinition } from './kinds/csi-node/definition.ts';
import { csiStorageCapacityDefinition } from './kinds/csi-storage-capacity/definition.ts';
import { customResourceDefinitionDefinition } from './kinds/custom-resource-definition/definition.ts';
import { daemonSetDefinition } from './kinds/daemon-set/definition.ts';
import { deploymentDefinition } from './kinds/deployment/definition.ts';
import { deviceClassDefinition } from './kinds/device-class/definition.ts';
import { endpointSliceDefinition, endpointsDefinition } from './kinds/endpoints/definition.ts';
import { eventDefinition } from './kinds/event/definition.ts';
import { eventsV1Definition } from './kinds/event/events-v1.ts';
import { flowSchemaDefinition } from './kinds/flow-schema/definition.ts';
import { horizontalPodAutoscalerV1Definition } from './kinds/horizontal-pod-autoscaler/autoscaling-v1.ts';
import { horizontalPodAutoscalerDefinition } from './kinds/horizontal-pod-autoscaler/definition.ts';
import { ingressDefinition } from './kinds/ingress/definition.ts';
import { ingressClassDefinition } from './kinds/ingress-class/definition.ts';
import { ipAddressDefinition } from './kinds/ip-address/definition.ts';
import { jobDefinition } from './kinds/job/definition.ts';
import { leaseDefinition } from './kinds/lease/definition.ts';
import { limitRangeDefinition } from './kinds/limit-range/definition.ts';
import { namespaceDefinition } from './kinds/namespace/definition.ts';
import { networkPolicyDefinition } from './kinds/network-policy/definition.ts';
import { nodeDefinition } from './kinds/node/definition.ts';
import { persistentVolumeDefinition } from './kinds/persistent-volume/definition.ts';
import { persistentVolumeClaimDefinition } from './kinds/persistent-volume-claim/definition.ts';
import { podDefinition } from './kinds/pod/definition.ts';
import { podDisruptionBudgetDefinition } from './kinds/pod-disruption-budget/definition.ts';
import { podTemplateDefinition } from './kinds/pod-template/definition.ts';
import { priorityClassDefinition } from './kinds/priority-class/definition.ts';
import { priorityLevelConfigurationDefinition } from './kinds/priority-level/definition.ts';
import {
  clusterRoleBindingDefinition,
  clusterRoleDefinition,
  roleBindingDefinition,
  roleDefinition,
} from './kinds/rbac/definition.ts';
import { replicaSetDefinition } from './kinds/replica-set/definition.ts';
import { replicationControllerDefinition } from './kinds/replication-controller/definition.ts';
import { resourceClaimDefinition, resourceClaimTemplateDefinition } from './kinds/resource-claim/definition.ts';
import { resourceQuotaDefinition } from './kinds/resource-quota/definition.ts';
import { resourceSliceDefinition } from './kinds/resource-slice/definition.ts';
import { runtimeClassDefinition } from './kinds/runtime-class/definition.ts';
import { secretDefinition } from './kinds/secret/definition.ts';
import { serviceDefinition } from './kinds/service/definition.ts';
import { serviceAccountDefinition } from './kinds/service-account/definition.ts';
import { serviceCidrDefinition } from './kinds/service-cidr/definition.ts';
import { statefulSetDefinition } from './kinds/stateful-set/definition.ts';
import { storageClassDefinition } from './kinds/storage-class/definition.ts';
import {
  validatingAdmissionPolicyBindingDefinition,
  validatingAdmissionPolicyDefinition,
} from './kinds/validating-admission-policy/definition.ts';
import { volumeAttachmentDefinition } from './kinds/volume-attachment/definition.ts';
import { volumeAttributesClassDefinition } from './kinds/volume-attributes-class/definition.ts';
import {
  mutatingWebhookConfigurationDefinition,
  validatingWebhookConfigurationDefinition,
} from './kinds/webhook-configuration/definition.ts';
import type { GroupVersionKind, GroupVersionResource } from './types.ts';

const builtIn: readonly ResourceDefinition[] = [
  apiServiceDefinition,
  certificateSigningRequestDefinition,
  clusterRoleBindingDefinition,
  clusterRoleDefinition,
  componentStatusDefinition,
  configMapDefinition,
  controllerRevisionDefinition,
  cronJobDefinition,
  csiDriverDefinition,
  csiNodeDefinition,
  csiStorageCapacityDefinition,
  customResourceDefinitionDefinition,
  daemonSetDefinition,
  deploymentDefinition,
  deviceClassDefinition,
  endpointSliceDefinition,
  endpointsDefinition,
  eventDefinition,
  eventsV1Definition,
  flowSchemaDefinition,
  horizontalPodAutoscalerDefinition,
  horizontalPodAutoscalerV1Definition,
  ingressClassDefinition,
  ingressDefinition,
  ipAddressDefinition,
  jobDefinition,
  leaseDefinition,
  limitRangeDefinition,
  mutatingWebhookConfigurationDefinition,
  namespaceDefinition,
  networkPolicyDefinition,
  nodeDefinition,
  persistentVolumeClaimDefinition,
  persistentVolumeDefinition,
  podDefinition,
  podDisruptionBudgetDefinition,
  podTemplateDefinition,
  priorityClassDefinition,
  priorityLevelConfigurationDefinition,
  replicaSetDefinition,
  replicationControllerDefinition,
  resourceClaimDefinition,
  resourceClaimTemplateDefinition,
  resourceQuotaDefinition,
  resourceSliceDefinition,
  roleBindingDefinition,
  roleDefinition,
  runtimeClassDefinition,
  secretDefinition,
  serviceAccountDefinition,
  serviceCidrDefinition,
  serviceDefinition,
  statefulSetDefinition,
  storageClassDefinition,
  validatingAdmissionPolicyBindingDefinition,
  validatingAdmissionPolicyDefinition,
  validatingWebhookConfigurationDefinition,
  volumeAttachmentDefinition,
  volumeAttributesClassDefinition,
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
