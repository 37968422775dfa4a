/** Gets images onto the node by their pull policy. Pulls of the same image for several pods are one pull. */
import type { Container, Secret } from '../../api/generated/types/core-v1.ts';
import { isLatest } from '../images/reference.ts';
import { registryAuth } from '../images/registry-auth.ts';
import type { Runtime } from '../runtime/runtime.ts';

/** Images of this registry are made on the node; there is nothing to pull them from. */
const LOCAL_REGISTRY = 'trimast.local/';

export type PullPolicy = 'Always' | 'IfNotPresent' | 'Never';

export function pullPolicy(container: Container): PullPolicy {
  const image = container.image ?? '';
  const policy = container.imagePullPolicy ?? (isLatest(image) ? 'Always' : 'IfNotPresent');
  if (policy === 'Always' && image.startsWith(LOCAL_REGISTRY)) return 'IfNotPresent';
  return policy as PullPolicy;
}

export class ImagePuller {
  readonly #runtime: Runtime;
  readonly #pulls = new Map<string, Promise<void>>();
  readonly #signal: AbortSignal;

  constructor(runtime: Runtime, signal: AbortSignal) {
    this.#runtime = runtime;
    this.#signal = signal;
  }

  /** @throws RuntimeError `image-pull` */
  pull(image: string, secrets: readonly Secret[]): Promise<void> {
    const auth = registryAuth(image, secrets);
    const key = JSON.stringify([image, auth]);
    let pull = this.#pulls.get(key);
    if (!pull) {
      pull = this.#runtime.pullImage(image, auth, this.#signal).finally(() => this.#pulls.delete(key));
      this.#pulls.set(key, pull);
    }
    return pull;
  }
}
