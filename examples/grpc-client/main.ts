/**
 * Creates a Deployment over Trimast's gRPC API and watches it until it is available. Exit code 0: it is; 1: it is not, and why.
 *
 *   node examples/grpc-client/main.ts --address HOST:6444 --ca ca.crt --cert admin.crt --key admin.key
 */
import { parseArgs } from 'node:util';
import { status as grpcStatus, type ServiceError } from '@grpc/grpc-js';
import { EventType, type ResourceObject, ResourceService } from '../../src/gen/trimast/resource/v1/resource_pb.ts';
import { clientCredentials, GrpcClient } from '../../src/lib/grpc.ts';

/** The fields that are read here; the object has more. */
interface Deployment {
  metadata?: { name?: string; uid?: string; generation?: number; resourceVersion?: string };
  spec?: { replicas?: number };
  status?: {
    observedGeneration?: number;
    replicas?: number;
    readyReplicas?: number;
    availableReplicas?: number;
    conditions?: { type: string; status: string }[];
  };
}

const { values: flags } = parseArgs({
  options: {
    address: { type: 'string', default: '127.0.0.1:6444' },
    ca: { type: 'string' },
    cert: { type: 'string' },
    key: { type: 'string' },
    namespace: { type: 'string', default: 'default' },
    name: { type: 'string', default: 'hello-grpc' },
    image: { type: 'string', default: 'trimast.local/busybox:latest' },
    replicas: { type: 'string', default: '3' },
    'timeout-seconds': { type: 'string', default: '120' },
    /** Remove the Deployment at the end. */
    cleanup: { type: 'boolean', default: false },
  },
});

const deployments = { group: 'apps', version: 'v1', resource: 'deployments' };

function desired(): object {
  const labels = { app: flags.name };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: flags.name, namespace: flags.namespace },
    spec: {
      replicas: Number(flags.replicas),
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          containers: [
            { name: 'main', image: flags.image, imagePullPolicy: 'IfNotPresent', command: ['sleep', '1000000'] },
          ],
          terminationGracePeriodSeconds: 1,
        },
      },
    },
  };
}

function decode(object: ResourceObject | undefined): Deployment {
  if (object?.content.case !== 'json') throw new Error('the server sent no JSON object');
  return JSON.parse(new TextDecoder().decode(object.content.value)) as Deployment;
}

/** Available, and not merely still available from before the newest change. */
function isAvailable({ metadata, spec, status }: Deployment): boolean {
  const condition = status?.conditions?.find((candidate) => candidate.type === 'Available');
  return (
    (status?.observedGeneration ?? 0) >= (metadata?.generation ?? 0) &&
    (status?.availableReplicas ?? 0) >= (spec?.replicas ?? 1) &&
    condition?.status === 'True'
  );
}

async function create(client: GrpcClient<typeof ResourceService>, deadline: number): Promise<Deployment> {
  const { method } = ResourceService;
  const key = { namespace: flags.namespace, name: flags.name };
  const object = { content: { case: 'json' as const, value: Buffer.from(JSON.stringify(desired())) } };
  try {
    const created = decode((await client.unary(method.create, { resource: deployments, object }, { deadline })).object);
    console.log(`created deployment ${key.namespace}/${key.name}, uid ${created.metadata?.uid}`);
    return created;
  } catch (error) {
    if ((error as ServiceError).code !== grpcStatus.ALREADY_EXISTS) throw error;
    console.log(`deployment ${key.namespace}/${key.name} exists already; watching that`);
    return decode((await client.unary(method.get, { resource: deployments, key }, { deadline })).object);
  }
}

/** Prints each new state. @throws Error when it is deleted or the watch ends before it is available. */
async function watchUntilAvailable(
  client: GrpcClient<typeof ResourceService>,
  from: Deployment,
  deadline: number,
): Promise<void> {
  if (isAvailable(from)) return;
  const stream = client.serverStream(
    ResourceService.method.watch,
    {
      resource: deployments,
      namespace: flags.namespace,
      fieldSelector: `metadata.name=${flags.name}`,
      resourceVersion: from.metadata?.resourceVersion ?? '',
    },
    { deadline },
  );
  let last = '';
  try {
    for await (const event of stream) {
      if (event.type === EventType.BOOKMARK) continue;
      const deployment = decode(event.object);
      if (event.type === EventType.DELETED) throw new Error('the deployment was deleted');
      const { replicas = 0, readyReplicas = 0, availableReplicas = 0 } = deployment.status ?? {};
      const state = `${replicas} pods, ${readyReplicas} ready, ${availableReplicas} available of ${deployment.spec?.replicas}`;
      if (state !== last) console.log(`revision ${event.resourceVersion}: ${state}`);
      last = state;
      if (isAvailable(deployment)) return;
    }
  } finally {
    stream.on('error', () => undefined);
    stream.cancel();
  }
  throw new Error('the watch ended before the deployment was available');
}

async function main(): Promise<void> {
  const { ca, cert, key } = flags;
  if (!ca || !cert || !key)
    throw new Error('--ca, --cert and --key are required: PEM files of the CA and of a client certificate');
  const deadline = Date.now() + Number(flags['timeout-seconds']) * 1000;
  const client = new GrpcClient(
    ResourceService,
    flags.address,
    clientCredentials({ caFile: ca, certFile: cert, keyFile: key }),
  );
  try {
    const started = performance.now();
    const deployment = await create(client, deadline);
    await watchUntilAvailable(client, deployment, deadline);
    console.log(`available after ${((performance.now() - started) / 1000).toFixed(1)} s`);
    if (flags.cleanup) {
      const { method } = ResourceService;
      await client.unary(
        method.delete,
        { resource: deployments, key: { namespace: flags.namespace, name: flags.name } },
        { deadline },
      );
      console.log('deleted');
    }
  } finally {
    client.close();
  }
}

await main().catch((error: Error) => {
  console.error(`failed: ${error.message}`);
  process.exitCode = 1;
});
