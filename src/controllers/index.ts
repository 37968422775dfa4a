/** The controllers of a leading master. */
import { createKindRegistry } from '../api/registry.ts';
import { EventRecorder } from '../client/events.ts';
import { InformerSet } from '../client/informer-set.ts';
import type { LeaderContext } from '../client/types.ts';
import { type Clock, systemClock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import { type CertificateSigner, CertificatesController } from './certificates/controller.ts';
import { ClusterRoleAggregationController } from './cluster-role-aggregation/controller.ts';
import { CustomResourceDefinitionController } from './custom-resource-definitions/controller.ts';
import { DeploymentController } from './deployment/controller.ts';
import { EndpointsController } from './endpoints/controller.ts';
import { EndpointSliceMirroringController } from './endpoints/mirror-controller.ts';
import { EventTtlController } from './event-ttl/controller.ts';
import { GarbageCollector } from './garbage-collector/controller.ts';
import { NamespaceController } from './namespace/controller.ts';
import { NodeIpamController, type NodeIpamOptions } from './node-ipam/controller.ts';
import { NodeLifecycleController, type NodeLifecycleOptions } from './node-lifecycle/controller.ts';
import { PodGcController } from './pod-gc/controller.ts';
import { PolicyStatusController } from './policy-status/controller.ts';
import { ReplicaSetController } from './replicaset/controller.ts';
import { replicaSetKind, replicationControllerKind } from './replicaset/kinds.ts';
import { ResourceQuotaController } from './resource-quota/controller.ts';
import { ServiceAccountController } from './service-account/controller.ts';
import { ServiceCidrController } from './service-cidr/controller.ts';
import type { ControllerContext } from './shared/context.ts';
import { CustomResources } from './shared/custom-resources.ts';
import type { DeletableResource } from './shared/deletable-resource.ts';
import { StorageProtectionController } from './storage-protection/controller.ts';
import { type IssueSecretToken, TokenSecretsController } from './token-secrets/controller.ts';

export { keptParts } from './shared/kept-parts.ts';
export type { DeletableResource, NodeIpamOptions, NodeLifecycleOptions };

export interface ControllerOptions {
  readonly nodeLifecycle: NodeLifecycleOptions;
  /** Where pods' addresses come from. */
  readonly network: NodeIpamOptions;
  /** Certificate of the cluster's CA, PEM; goes into every namespace. */
  readonly caPem: string;
  /** Absent: nobody signs CertificateSigningRequests. */
  readonly certificateSigner?: CertificateSigner | undefined;
  /** Absent: Secrets of type `kubernetes.io/service-account-token` stay empty. */
  readonly issueSecretToken?: IssueSecretToken | undefined;
  /** Shared with other loops of the same leadership. Absent: its own. */
  readonly informers?: InformerSet | undefined;
  /** Every resource with list, watch and delete, namespaced or not: what garbage and namespaces are made of. Default: the built-in kinds. */
  readonly deletableResources?: readonly DeletableResource[] | undefined;
  readonly clock?: Clock | undefined;
  /** Names of those that do not run because somebody else does their work; `controllers` means all that Kubernetes has in its controller manager. */
  readonly disabled?: readonly string[] | undefined;
}

function builtInResources(): readonly DeletableResource[] {
  const needed = ['list', 'watch', 'delete', 'deletecollection'];
  return createKindRegistry().definitions.filter(
    ({ stored, verbs }) => !stored && needed.every((verb) => verbs.includes(verb)),
  );
}

/** Owned by nobody, many, and gone within the hour: not worth a cache. */
const unwatched = new Set(['events']);

const isNamespaced = ({ namespaced }: DeletableResource) => namespaced;

interface Environment {
  readonly options: ControllerOptions;
  /** What namespaces hold. */
  readonly contents: readonly DeletableResource[];
  /** What is worth a cache. */
  readonly watched: readonly DeletableResource[];
  readonly custom: CustomResources;
}

const controllers: Record<string, (context: ControllerContext, env: Environment) => { run(): Promise<void> }> = {
  'service-account': (its, { options }) => new ServiceAccountController(its, { caPem: options.caPem }),
  'node-ipam': (its, { options }) => new NodeIpamController(its, options.network),
  'node-lifecycle': (its, { options }) => new NodeLifecycleController(its, options.nodeLifecycle),
  deployment: (its) => new DeploymentController(its),
  replicaset: (its) => new ReplicaSetController(its, replicaSetKind),
  replicationcontroller: (its) => new ReplicaSetController(its, replicationControllerKind),
  namespace: (its, { contents, watched, custom }) =>
    new NamespaceController(its, { contents, watched: watched.filter(isNamespaced), custom }),
  'garbage-collector': (its, { watched, custom }) => new GarbageCollector(its, watched, custom),
  'custom-resource-definitions': (its) => new CustomResourceDefinitionController(its),
  'pod-gc': (its) => new PodGcController(its),
  'service-cidr': (its) => new ServiceCidrController(its),
  endpoints: (its) => new EndpointsController(its),
  'endpointslice-mirroring': (its) => new EndpointSliceMirroringController(its),
  'cluster-role-aggregation': (its) => new ClusterRoleAggregationController(its),
  certificates: (its, { options }) => new CertificatesController(its, options.certificateSigner),
  'token-secrets': (its, { options }) =>
    new TokenSecretsController(its, { caPem: options.caPem, issueToken: options.issueSecretToken }),
  'resource-quota': (its, { watched }) => new ResourceQuotaController(its, watched),
  'policy-status': (its) => new PolicyStatusController(its),
  'storage-protection': (its) => new StorageProtectionController(its),
  'event-ttl': (its) => new EventTtlController(its),
};

export const controllerNames: readonly string[] = Object.keys(controllers);

/** What stock clusters have in their API server, and not in their controller manager. */
const ofApiServer = new Set(['event-ttl', 'custom-resource-definitions']);

/** Starts them all; they run until `context.signal` aborts. */
export function startControllers(context: LeaderContext, options: ControllerOptions, logger: Logger): void {
  const { client, signal } = context;
  const clock = options.clock ?? systemClock;
  const informers = options.informers ?? new InformerSet({ client, signal, logger, clock });
  const deletable = options.deletableResources ?? builtInResources();
  const of = (name: string): ControllerContext => ({
    client,
    informers,
    signal,
    clock,
    logger: logger.child({ controller: name }),
    recorderFor: (component) => new EventRecorder({ client, component, logger, clock }),
  });
  const watched = deletable.filter(({ resource }) => !unwatched.has(resource));
  const env: Environment = {
    options,
    contents: deletable.filter(isNamespaced),
    watched,
    custom: new CustomResources({ informers }),
  };
  const disabled = new Set(options.disabled);
  for (const [name, create] of Object.entries(controllers)) {
    if (disabled.has(name) || (disabled.has('controllers') && !ofApiServer.has(name))) continue;
    const its = of(name);
    create(its, env)
      .run()
      .catch((error: unknown) => {
        if (!signal.aborted) its.logger.error({ err: error }, 'controller ended: this is a bug');
      });
  }
}
