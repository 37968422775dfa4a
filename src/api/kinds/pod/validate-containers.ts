/** Containers, init containers and ephemeral containers of a pod or template. */
import type { FieldError } from '../../definition.ts';
import type { Container, ContainerPort, PodSpec, VolumeMount } from '../../generated/types/core-v1.ts';
import { fieldDuplicate, fieldForbidden, fieldInvalid, fieldNotFound, fieldRequired } from '../../meta/field-error.ts';
import { dns1123Label, validPortName } from '../../meta/names.ts';
import { each, matches, oneOf, portNumber, required, requiredName, unique } from '../checks.ts';
import { validateEnv } from './validate-env.ts';
import { validateHook, validateProbe } from './validate-probes.ts';
import { validateResources } from './validate-resources.ts';
import { validateContainerSecurity } from './validate-security.ts';

const protocols = ['TCP', 'UDP', 'SCTP'];
export const pullPolicies = ['Always', 'IfNotPresent', 'Never'];

export function validateContainers(spec: PodSpec, field: string): FieldError[] {
  const { containers = [], initContainers = [], ephemeralContainers = [] } = spec;
  const errors: FieldError[] = [];
  if (containers.length === 0) errors.push(fieldRequired(`${field}.containers`));
  const places = [
    ...containers.map((container, index) => ({ container, at: `${field}.containers[${index}]` })),
    ...initContainers.map((container, index) => ({ container, at: `${field}.initContainers[${index}]` })),
    ...ephemeralContainers.map((container, index) => ({ container, at: `${field}.ephemeralContainers[${index}]` })),
  ];
  errors.push(
    ...unique(
      places,
      ({ container }) => container.name,
      (index) => `${places[index]!.at}.name`,
    ),
  );
  for (const { container, at } of places) errors.push(...validateContainer(container, spec, at));
  errors.push(...each(`${field}.initContainers`, initContainers, validateInit));
  errors.push(...hostPortConflicts(spec, field));
  return errors;
}

function validateContainer(container: Container, spec: PodSpec, field: string): FieldError[] {
  const errors = [...requiredName(`${field}.name`, container.name, dns1123Label), ...validateImage(container, field)];
  errors.push(
    ...oneOf(`${field}.terminationMessagePolicy`, container.terminationMessagePolicy, [
      'File',
      'FallbackToLogsOnError',
    ]),
    ...validatePorts(container.ports, spec.hostNetwork === true, `${field}.ports`),
    ...validateEnv(container, field),
    ...validateMounts(container.volumeMounts, spec, `${field}.volumeMounts`),
    ...validateProbe(container.livenessProbe, `${field}.livenessProbe`, true),
    ...validateProbe(container.readinessProbe, `${field}.readinessProbe`, false),
    ...validateProbe(container.startupProbe, `${field}.startupProbe`, true),
    ...validateHook(container.lifecycle?.postStart, `${field}.lifecycle.postStart`),
    ...validateHook(container.lifecycle?.preStop, `${field}.lifecycle.preStop`),
    ...validateResources(container.resources, `${field}.resources`),
    ...validateContainerSecurity(container.securityContext, `${field}.securityContext`),
  );
  return errors;
}

function validateImage(container: Container, field: string): FieldError[] {
  const { image } = container;
  const errors = required(`${field}.image`, image);
  if (image && image !== image.trim()) {
    errors.push(fieldInvalid(`${field}.image`, image, 'must not have leading or trailing whitespace'));
  }
  return [...errors, ...oneOf(`${field}.imagePullPolicy`, container.imagePullPolicy, pullPolicies)];
}

function validateInit(container: Container, field: string): FieldError[] {
  const errors = oneOf(`${field}.restartPolicy`, container.restartPolicy, ['Always', 'OnFailure', 'Never']);
  if (container.restartPolicy === 'Always') return errors;
  for (const name of ['lifecycle', 'livenessProbe', 'readinessProbe', 'startupProbe'] as const) {
    if (container[name] === undefined) continue;
    errors.push(fieldForbidden(`${field}.${name}`, 'may not be set for init containers without restartPolicy=Always'));
  }
  return errors;
}

function validatePorts(ports: readonly ContainerPort[] | undefined, hostNetwork: boolean, field: string): FieldError[] {
  return [
    ...unique(
      ports,
      (port) => port.name,
      (index) => `${field}[${index}].name`,
    ),
    ...each(field, ports, (port, here) => [
      ...matches(`${here}.name`, port.name, validPortName),
      ...(port.containerPort
        ? portNumber(`${here}.containerPort`, port.containerPort)
        : [fieldRequired(`${here}.containerPort`)]),
      ...(port.hostPort ? portNumber(`${here}.hostPort`, port.hostPort) : []),
      ...(hostNetwork && port.hostPort && port.hostPort !== port.containerPort
        ? [fieldInvalid(`${here}.hostPort`, port.hostPort, 'must match `containerPort` when `hostNetwork` is true')]
        : []),
      ...oneOf(`${here}.protocol`, port.protocol, protocols),
    ]),
  ];
}

/** Two containers of a pod cannot have one port of the host. Init containers that end may, since they run before. */
function hostPortConflicts(spec: PodSpec, field: string): FieldError[] {
  const seen = new Set<string>();
  return each(`${field}.containers`, spec.containers, (container, at) =>
    each(`${at}.ports`, container.ports, (port, here) => {
      if (!port.hostPort) return [];
      const id = `${port.protocol}/${port.hostIP ?? ''}/${port.hostPort}`;
      if (seen.has(id)) return [fieldDuplicate(`${here}.hostPort`, id)];
      seen.add(id);
      return [];
    }),
  );
}

function validateMounts(mounts: readonly VolumeMount[] | undefined, spec: PodSpec, field: string): FieldError[] {
  const volumes = new Set((spec.volumes ?? []).map((volume) => volume.name));
  const paths = new Set<string>();
  return each(field, mounts, (mount, here) => {
    const errors = [...required(`${here}.name`, mount.name), ...required(`${here}.mountPath`, mount.mountPath)];
    if (mount.name && !volumes.has(mount.name)) errors.push(fieldNotFound(`${here}.name`, mount.name));
    if (mount.mountPath && paths.has(mount.mountPath)) {
      errors.push(fieldInvalid(`${here}.mountPath`, mount.mountPath, 'must be unique'));
    }
    paths.add(mount.mountPath);
    errors.push(...localPath(`${here}.subPath`, mount.subPath), ...localPath(`${here}.subPathExpr`, mount.subPathExpr));
    if (mount.subPath && mount.subPathExpr) {
      errors.push(
        fieldInvalid(`${here}.subPathExpr`, mount.subPathExpr, 'subPathExpr and subPath are mutually exclusive'),
      );
    }
    const propagation = ['None', 'HostToContainer', 'Bidirectional'];
    return [...errors, ...oneOf(`${here}.mountPropagation`, mount.mountPropagation, propagation)];
  });
}

/** Relative, and without a step upwards. */
export function localPath(field: string, path: string | undefined): FieldError[] {
  if (!path) return [];
  const errors: FieldError[] = [];
  if (path.startsWith('/')) errors.push(fieldInvalid(field, path, 'must be a relative path'));
  if (path.split('/').includes('..')) errors.push(fieldInvalid(field, path, "must not contain '..'"));
  return errors;
}
