/** Server reflection (grpc.reflection.v1 and v1alpha), from protobuf-es descriptors: grpcurl and its like need no proto files. */
import { type DescFile, type DescService, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import type * as grpc from '@grpc/grpc-js';

import { ReflectionService } from '@grpc/reflection';
import { healthFileDescriptors } from './health.ts';

type MessageTypeDefinition = ConstructorParameters<typeof ReflectionService>[0][string];

const healthServiceName = 'grpc.health.v1.Health';

/** Announces the services and the health service. To be called after the services were added. */
export function addReflectionService(server: grpc.Server, services: readonly DescService[]): void {
  const files = new Map<string, Buffer>();
  for (const service of services) collect(service.file, files);
  const fileDescriptorProtos = [...files.values(), ...healthFileDescriptors];
  // Of a package definition the reflection service reads the file descriptors only.
  const definition = {
    format: 'Protocol Buffer 3 DescriptorProto',
    type: {},
    fileDescriptorProtos,
  } as MessageTypeDefinition;
  new ReflectionService(
    { trimast: definition },
    { services: [...services.map((service) => service.typeName), healthServiceName] },
  ).addToServer(server);
}

/** A file and all that it imports. */
function collect(file: DescFile, files: Map<string, Buffer>): void {
  if (files.has(file.proto.name)) return;
  files.set(file.proto.name, Buffer.from(toBinary(FileDescriptorProtoSchema, file.proto)));
  for (const dependency of file.dependencies) collect(dependency, files);
}
