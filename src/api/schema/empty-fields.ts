/**
 * Which fields Kubernetes leaves out of an object when they are empty (0, "", false, [], {}): those that are `omitempty` in its Go types and no
 * pointers. A field that a client writes as empty must look the same as one that it leaves out, or typed clients, which cannot tell the two apart,
 * would seem to change a spec (and roll a Deployment) that they only sent back.
 *
 * The published schemas show `omitempty` indirectly: a field without it is required or has its zero value as default. Whether a field is a pointer
 * stands in the protobuf data.
 */
import { findMessage } from '../codec/protobuf/messages.ts';
import type { Schema } from './schema.ts';

/** Lists that are written even when they are empty, which neither source tells. */
const writtenEmpty = new Set([
  'io.k8s.api.core.v1.ProjectedVolumeSource.sources',
  'io.k8s.api.core.v1.ContainerImage.names',
  'io.k8s.api.discovery.v1.EndpointSlice.ports',
  'io.k8s.api.flowcontrol.v1.ResourcePolicyRule.namespaces',
  'io.k8s.api.rbac.v1.ClusterRole.rules',
  'io.k8s.api.rbac.v1.Role.rules',
  'io.k8s.api.resource.v1.AllocatedDeviceStatus.conditions',
  'io.k8s.api.resource.v1.DeviceClaim.requests',
  'io.k8s.api.storage.v1.CSINodeDriver.topologyKeys',
]);

/** The fields of a definition that are left out when empty. None for definitions that are not Kubernetes' own. */
export function fieldsOmittedWhenEmpty(definition: string, schema: Schema): ReadonlySet<string> {
  const omitted = new Set<string>();
  const collect = (message: string): void => {
    for (const field of findMessage(message)?.values() ?? []) {
      if (field.inline) collect(field.type);
      else if (!field.pointer && (field.repeated || field.map || scalars.has(field.type))) omitted.add(field.jsonName);
    }
  };
  collect(definition);
  for (const name of omitted) {
    const property = schema.properties?.[name];
    const zeroIsWritten = property?.default !== undefined && !property.default;
    if (zeroIsWritten || schema.required?.includes(name) || writtenEmpty.has(`${definition}.${name}`)) {
      omitted.delete(name);
    }
  }
  return omitted;
}

const scalars = new Set(['string', 'bytes', 'int', 'double', 'bool']);

export function isEmpty(value: unknown): boolean {
  if (value === '' || value === 0 || value === false) return true;
  if (Array.isArray(value)) return value.length === 0;
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}
