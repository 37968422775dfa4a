/** The images of one pod's containers: there, being pulled, or why not. A pull runs beside the worker, which is told when it ends. */
import type { Container } from '../../api/generated/types/core-v1.ts';
import { RuntimeError } from '../runtime/runtime.ts';
import { imageRetryDelayMs } from './back-off.ts';
import type { WorkerContext } from './context.ts';
import { pullPolicy } from './pull-image.ts';
import type { ImageState, WantedPod } from './types.ts';

/** ErrImagePull is shown this long, then ImagePullBackOff until the next try. */
const ERROR_SHOWN_MS = 1_000;

export interface PodImagesOwner {
  readonly event: (type: 'Normal' | 'Warning', reason: string, message: string) => void;
  readonly changed: () => void;
}

type ImageContext = Pick<WorkerContext, 'runtime' | 'puller' | 'clock' | 'objects'>;

export class PodImages {
  readonly #context: ImageContext;
  readonly #owner: PodImagesOwner;
  readonly #states = new Map<string, ImageState>();

  constructor(context: ImageContext, owner: PodImagesOwner) {
    this.#context = context;
    this.#owner = owner;
  }

  /** By container name. */
  get states(): ReadonlyMap<string, ImageState> {
    return this.#states;
  }

  /** To be asked again for the next run of the container: by then the image may have been removed. */
  forget(containerName: string): void {
    this.#states.delete(containerName);
  }

  /** Finds the image or begins to pull it, by the container's policy. @throws RuntimeError when the runtime does not answer. */
  async ensure(container: Container, pod: WantedPod): Promise<void> {
    const image = container.image ?? '';
    const policy = pullPolicy(container);
    const there = policy === 'Always' ? undefined : await this.#context.runtime.imageStatus(image);
    if (there) {
      this.#states.set(container.name, { state: 'present', ...there });
      this.#owner.event('Normal', 'Pulled', `Container image "${image}" already present on machine`);
    } else if (policy === 'Never') {
      this.#failed(
        container,
        'ErrImageNeverPull',
        `Container image "${image}" is not present with pull policy of Never`,
      );
    } else void this.#pull(container, pod);
  }

  async #pull(container: Container, pod: WantedPod): Promise<void> {
    const image = container.image ?? '';
    const { puller, runtime, clock } = this.#context;
    const before = this.#states.get(container.name);
    this.#states.set(container.name, { state: 'pulling' });
    this.#owner.event('Normal', 'Pulling', `Pulling image "${image}"`);
    const startedAtMs = clock.nowMs();
    try {
      const objects = this.#context.objects(pod.metadata.namespace);
      const secrets = (pod.spec.imagePullSecrets ?? []).flatMap(({ name }) => objects.secret(name ?? '') ?? []);
      await puller.pull(image, secrets);
      const there = await runtime.imageStatus(image);
      if (!there) throw new RuntimeError('image-pull', `image "${image}" is not there after it was pulled`);
      this.#states.set(container.name, { state: 'present', ...there });
      this.#owner.event('Normal', 'Pulled', `Successfully pulled image "${image}" in ${clock.nowMs() - startedAtMs}ms`);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      if (before) this.#states.set(container.name, before);
      this.#failed(container, 'ErrImagePull', message);
      this.#owner.event('Warning', 'Failed', `Failed to pull image "${image}": ${message}`);
      this.#owner.event('Warning', 'Failed', 'Error: ErrImagePull');
    }
    this.#owner.changed();
  }

  #failed(container: Container, reason: string, message: string): void {
    const { clock } = this.#context;
    const before = this.#states.get(container.name);
    const failures = (before?.state === 'failed' ? before.failures : 0) + 1;
    const retryAtMs = clock.nowMs() + imageRetryDelayMs(failures);
    const failed: ImageState = { state: 'failed', reason, message, failures, retryAtMs };
    this.#states.set(container.name, failed);
    if (reason !== 'ErrImagePull') return;
    clock.setTimer(ERROR_SHOWN_MS, () => {
      if (this.#states.get(container.name) !== failed) return;
      const backOff = `Back-off pulling image "${container.image}": ${message}`;
      this.#states.set(container.name, { ...failed, reason: 'ImagePullBackOff', message: backOff });
      this.#owner.event('Normal', 'BackOff', `Back-off pulling image "${container.image}"`);
      this.#owner.event('Warning', 'Failed', 'Error: ImagePullBackOff');
      this.#owner.changed();
    });
  }
}
