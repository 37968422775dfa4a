/** What the runtime is told of one container. Pure, but for the hash. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Container, SeccompProfile as SeccompProfileField } from '../../api/generated/types/core-v1.ts';
import {
  type ContainerSecurity,
  type ContainerSpec,
  type Mount,
  runtimeLabels,
  type SeccompProfile,
} from '../runtime/runtime.ts';
import { expandReferences } from './env.ts';
import type { ContainerKind } from './plan.ts';
import { containerResources } from './qos.ts';
import { supplementalGroups } from './sandbox-spec.ts';
import { annotationKeys, isSidecar, type WantedPod } from './types.ts';

export interface ContainerContext {
  readonly attempt: number;
  readonly streak: number;
  readonly kind: ContainerKind;
  /** In whose process namespace it runs; unset: its own. */
  readonly targetId?: string | undefined;
  readonly image: { readonly id: string; readonly user?: number; readonly username?: string };
  readonly env: readonly { readonly name: string; readonly value: string }[];
  readonly mounts: readonly Mount[];
  readonly nodeMemoryBytes: number;
  /** Where `localhostProfile` is looked for. */
  readonly seccompDir: string;
}

/** A container that may not run as root would do so, or may. The reason is CreateContainerConfigError. */
export class RunAsNonRootError extends Error {
  override readonly name = 'RunAsNonRootError';
}

/** Changes when the container must be restarted to follow its spec; in Kubernetes only the image can change. */
export function containerHash(container: Container): string {
  return createHash('sha256').update(`${container.name}\0${container.image}`).digest('hex').slice(0, 16);
}

/** Where a container's log lies below the pod's log directory. */
export function containerLogPath(name: string, attempt: number): string {
  return `${name}/${attempt}.log`;
}

/** @throws RunAsNonRootError */
export function containerSpec(pod: WantedPod, container: Container, context: ContainerContext): ContainerSpec {
  const { namespace, name, uid } = pod.metadata;
  const known = new Map(context.env.map((entry) => [entry.name, entry.value]));
  const expand = (text: string) => expandReferences(text, known);
  return {
    name: container.name,
    attempt: context.attempt,
    image: container.image ?? '',
    imageId: context.image.id,
    command: (container.command ?? []).map(expand),
    args: (container.args ?? []).map(expand),
    workingDir: container.workingDir ?? '',
    env: context.env,
    mounts: context.mounts,
    labels: {
      [runtimeLabels.podName]: name,
      [runtimeLabels.podNamespace]: namespace,
      [runtimeLabels.podUid]: uid,
      [runtimeLabels.containerName]: container.name,
    },
    annotations: {
      [annotationKeys.restartCount]: String(context.attempt),
      [annotationKeys.hash]: containerHash(container),
      [annotationKeys.terminationMessagePath]: terminationMessagePath(container),
      [annotationKeys.backOffStreak]: String(context.streak),
      [annotationKeys.kind]: isSidecar(container) ? 'sidecar' : context.kind,
    },
    ...(context.targetId !== undefined && { targetId: context.targetId }),
    logPath: containerLogPath(container.name, context.attempt),
    stdin: container.stdin === true,
    stdinOnce: container.stdinOnce === true,
    tty: container.tty === true,
    resources: containerResources(pod, container, context.nodeMemoryBytes),
    security: containerSecurity(pod, container, context.image, context.seccompDir),
  };
}

export function terminationMessagePath(container: Container): string {
  return container.terminationMessagePath || '/dev/termination-log';
}

function containerSecurity(
  pod: WantedPod,
  container: Container,
  image: { readonly user?: number; readonly username?: string },
  seccompDir: string,
): ContainerSecurity {
  const podSecurity = pod.spec.securityContext ?? {};
  const own = container.securityContext ?? {};
  const user = own.runAsUser ?? podSecurity.runAsUser;
  const group = own.runAsGroup ?? podSecurity.runAsGroup;
  if (own.runAsNonRoot ?? podSecurity.runAsNonRoot) checkNonRoot(container.name, user, image);
  // CRI takes a group only together with a user.
  const effectiveUser = user ?? (group !== undefined ? (image.user ?? 0) : undefined);
  return {
    privileged: own.privileged === true,
    readOnlyRootFilesystem: own.readOnlyRootFilesystem === true,
    noNewPrivileges: own.allowPrivilegeEscalation === false,
    addCapabilities: own.capabilities?.add ?? [],
    dropCapabilities: own.capabilities?.drop ?? [],
    ...(effectiveUser !== undefined && { runAsUser: effectiveUser }),
    ...(group !== undefined && { runAsGroup: group }),
    supplementalGroups: supplementalGroups(pod),
    seccomp: seccompProfile(own.seccompProfile ?? podSecurity.seccompProfile, seccompDir),
    unmaskedProc: own.procMount === 'Unmasked',
  };
}

function seccompProfile(profile: SeccompProfileField | undefined, seccompDir: string): SeccompProfile {
  if (profile?.type === 'Unconfined') return { type: 'Unconfined' };
  if (profile?.type !== 'Localhost') return { type: 'RuntimeDefault' };
  return { type: 'Localhost', path: join(seccompDir, profile.localhostProfile ?? '') };
}

function checkNonRoot(name: string, user: number | undefined, image: { user?: number; username?: string }): void {
  if (user !== undefined) {
    if (user === 0) throw new RunAsNonRootError(`container's runAsUser breaks non-root policy (container "${name}")`);
    return;
  }
  if (image.username !== undefined) {
    throw new RunAsNonRootError(
      `container has runAsNonRoot and image has non-numeric user (${image.username}), cannot verify user is non-root (container "${name}")`,
    );
  }
  if (!image.user)
    throw new RunAsNonRootError(`container has runAsNonRoot and image will run as root (container "${name}")`);
}
