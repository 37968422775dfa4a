/** Defaults of pods and pod templates, as upstream fills them. In place. */
import type {
  Container,
  EphemeralContainer,
  HTTPGetAction,
  LifecycleHandler,
  Pod,
  PodSpec,
  Probe,
  Volume,
} from '../../generated/types/core-v1.ts';

const defaultMode = 0o644;
const tokenExpirationSeconds = 3600;

export function setPodDefaults(pod: Pod): void {
  const spec = pod.spec;
  if (!spec) return;
  setPodSpecDefaults(spec);
  spec.enableServiceLinks ??= true;
  for (const container of [...(spec.initContainers ?? []), ...(spec.containers ?? [])]) {
    requestLimits(container);
    if (spec.hostNetwork) for (const port of container.ports ?? []) port.hostPort ||= port.containerPort;
  }
}

/** Shared with the templates of Deployments and the like. */
export function setPodSpecDefaults(spec: PodSpec): void {
  spec.containers ??= [];
  spec.restartPolicy ||= 'Always';
  spec.dnsPolicy ||= 'ClusterFirst';
  spec.schedulerName ||= 'default-scheduler';
  spec.terminationGracePeriodSeconds ??= 30;
  spec.securityContext ??= {};
  // The older name of the field is kept equal.
  const serviceAccount = spec.serviceAccountName || spec.serviceAccount;
  if (serviceAccount) {
    spec.serviceAccountName = serviceAccount;
    spec.serviceAccount = serviceAccount;
  }
  for (const container of [...(spec.initContainers ?? []), ...spec.containers, ...(spec.ephemeralContainers ?? [])]) {
    setContainerDefaults(container);
  }
  for (const volume of spec.volumes ?? []) setVolumeDefaults(volume);
}

function setContainerDefaults(container: Container | EphemeralContainer): void {
  container.resources ??= {};
  container.terminationMessagePath ||= '/dev/termination-log';
  container.terminationMessagePolicy ||= 'File';
  container.imagePullPolicy ||= hasMovingTag(container.image ?? '') ? 'Always' : 'IfNotPresent';
  for (const port of container.ports ?? []) port.protocol ||= 'TCP';
  for (const variable of container.env ?? []) {
    const { fieldRef, resourceFieldRef } = variable.valueFrom ?? {};
    if (fieldRef) fieldRef.apiVersion ||= 'v1';
    if (resourceFieldRef) resourceFieldRef.divisor ??= '0';
  }
  for (const probe of [container.livenessProbe, container.readinessProbe, container.startupProbe]) {
    if (probe) setProbeDefaults(probe);
  }
  setHandlerDefaults(container.lifecycle?.postStart);
  setHandlerDefaults(container.lifecycle?.preStop);
}

/** `latest`, or neither tag nor digest. */
export function hasMovingTag(image: string): boolean {
  if (image.includes('@')) return false;
  const tagAt = image.indexOf(':', image.lastIndexOf('/') + 1);
  return tagAt < 0 || image.slice(tagAt + 1) === 'latest';
}

function setProbeDefaults(probe: Probe): void {
  probe.timeoutSeconds ||= 1;
  probe.periodSeconds ||= 10;
  probe.successThreshold ||= 1;
  probe.failureThreshold ||= 3;
  setHttpDefaults(probe.httpGet);
  if (probe.grpc) probe.grpc.service ??= '';
}

function setHandlerDefaults(handler: LifecycleHandler | undefined): void {
  setHttpDefaults(handler?.httpGet);
}

function setHttpDefaults(action: HTTPGetAction | undefined): void {
  if (!action) return;
  action.path ||= '/';
  action.scheme ||= 'HTTP';
}

/** A limit without a request is also the request. */
function requestLimits(container: Container): void {
  const { limits, requests } = container.resources ?? {};
  if (!limits || !container.resources) return;
  container.resources.requests = { ...limits, ...requests };
}

function setVolumeDefaults(volume: Volume): void {
  if (Object.keys(volume).every((field) => field === 'name')) volume.emptyDir = {};
  if (volume.configMap) volume.configMap.defaultMode ??= defaultMode;
  if (volume.secret) volume.secret.defaultMode ??= defaultMode;
  if (volume.hostPath) volume.hostPath.type ??= '';
  if (volume.downwardAPI) volume.downwardAPI.defaultMode ??= defaultMode;
  if (volume.projected) volume.projected.defaultMode ??= defaultMode;
  if (volume.image) volume.image.pullPolicy ||= hasMovingTag(volume.image.reference ?? '') ? 'Always' : 'IfNotPresent';
  const sources = volume.projected?.sources ?? [];
  for (const source of sources) {
    if (source.serviceAccountToken) source.serviceAccountToken.expirationSeconds ??= tokenExpirationSeconds;
  }
  for (const item of [
    ...(volume.downwardAPI?.items ?? []),
    ...sources.flatMap((source) => source.downwardAPI?.items ?? []),
  ]) {
    if (item.fieldRef) item.fieldRef.apiVersion ||= 'v1';
    if (item.resourceFieldRef) item.resourceFieldRef.divisor ??= '0';
  }
}
