/** Which container of a pod a log, exec or attach request means. */
import type { Pod } from '../../api/generated/types/core-v1.ts';
import { ApiError } from '../../api/status.ts';

const defaultContainerAnnotation = 'kubectl.kubernetes.io/default-container';

/** The container asked for, or the pod's default, or its only one. @throws ApiError `BadRequest` when there is no such container, or no one default. */
export function chooseContainer(pod: Pod, asked: string | undefined): string {
  const podName = pod.metadata?.name ?? '';
  const regular = pod.spec?.containers.map((container) => container.name) ?? [];
  const init = pod.spec?.initContainers?.map((container) => container.name) ?? [];
  const ephemeral = pod.spec?.ephemeralContainers?.map((container) => container.name) ?? [];
  if (asked) {
    if ([...regular, ...init, ...ephemeral].includes(asked)) return asked;
    throw new ApiError('BadRequest', `container ${asked} is not valid for pod ${podName}`);
  }
  const annotated = pod.metadata?.annotations?.[defaultContainerAnnotation];
  if (annotated !== undefined && regular.includes(annotated)) return annotated;
  if (regular.length === 1) return regular[0]!;
  const choices = `choose one of: [${regular.join(' ')}]`;
  const initChoices = init.length > 0 ? ` or one of the init containers: [${init.join(' ')}]` : '';
  throw new ApiError('BadRequest', `a container name must be specified for pod ${podName}, ${choices}${initChoices}`);
}
