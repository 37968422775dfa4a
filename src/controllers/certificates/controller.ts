/** Approves what nodes ask for themselves, signs what is approved, and forgets requests that are over. */
import { X509Certificate } from 'node:crypto';
import type { CertificateSigningRequest } from '../../api/generated/types/certificates-v1.ts';
import { isReason } from '../../api/status.ts';
import type { Informer } from '../../client/informer.ts';
import { runWorkers, WorkQueue } from '../../client/work-queue.ts';
import type { ControllerContext } from '../shared/context.ts';
import { timestamp } from '../shared/time.ts';
import { isOver, planRequest } from './plan.ts';
import type { RequestedCertificate } from './signers.ts';

const workers = 2;
const sweepMs = 60_000;
const requests = { group: 'certificates.k8s.io', version: 'v1', resource: 'certificatesigningrequests' } as const;

export interface CertificateSigner {
  /** @throws Error for what is no PKCS #10 request */
  parse(pem: string): Promise<RequestedCertificate>;
  /** The certificate as PEM. */
  sign(pem: string, options: { usages: readonly string[]; durationMs: number; nowMs: number }): Promise<string>;
  /** Whether the requestor may create `certificatesigningrequests/SUBRESOURCE`. */
  mayRequest(request: CertificateSigningRequest['spec'], subresource: string): Promise<boolean>;
}

export class CertificatesController {
  readonly #context: ControllerContext;
  readonly #signer: CertificateSigner | undefined;
  readonly #queue: WorkQueue;
  readonly #requests: Informer<CertificateSigningRequest>;

  /** Without a signer, requests are only forgotten. */
  constructor(context: ControllerContext, signer: CertificateSigner | undefined) {
    this.#context = context;
    this.#signer = signer;
    this.#queue = new WorkQueue({ clock: context.clock });
    this.#requests = context.informers.of<CertificateSigningRequest>(requests);
  }

  async run(): Promise<void> {
    const { signal, logger, clock } = this.#context;
    const enqueue = ({ metadata }: CertificateSigningRequest) => this.#queue.add(metadata!.name!);
    this.#requests.addHandler({ add: enqueue, update: enqueue });
    await this.#requests.synced;
    const sweep = (): void => {
      for (const request of this.#requests.list()) enqueue(request);
      if (!signal.aborted) cancel = clock.setTimer(sweepMs, sweep);
    };
    let cancel = clock.setTimer(sweepMs, sweep);
    signal.addEventListener('abort', () => cancel(), { once: true });
    await runWorkers(this.#queue, workers, (name) => this.#reconcile(name).then(() => undefined), signal, logger);
  }

  async #reconcile(name: string): Promise<void> {
    const request = this.#requests.get(name);
    if (!request) return;
    const { client, clock } = this.#context;
    const nowMs = clock.nowMs();
    if (isOver(request, expiryOf(request), nowMs)) {
      const { uid, resourceVersion } = request.metadata!;
      return ignoring(client.delete(requests, { name }, { preconditions: { uid, resourceVersion } }));
    }
    if (!this.#signer || request.status?.certificate) return;
    const pem = Buffer.from(request.spec.request, 'base64').toString('latin1');
    const step = planRequest(request, await this.#signer.parse(pem));
    switch (step.kind) {
      case 'none':
        return;
      case 'approve-if-allowed': {
        if (!(await this.#signer.mayRequest(request.spec, step.subresource))) return;
        const message = 'Auto approving kubelet client certificate after SubjectAccessReview.';
        const approved = withCondition(request, 'Approved', 'AutoApproved', message, nowMs);
        return ignoring(client.update(requests, approved, 'approval'));
      }
      case 'fail': {
        const failed = withCondition(request, 'Failed', 'SignerValidationFailure', step.message, nowMs);
        return ignoring(client.update(requests, failed, 'status'));
      }
      case 'sign': {
        const certificate = await this.#signer.sign(pem, { ...step, nowMs });
        const status = { ...request.status, certificate: Buffer.from(certificate).toString('base64') };
        return ignoring(client.update(requests, { ...request, status }, 'status'));
      }
    }
  }
}

/** Somebody else changed it meanwhile: the change brings it back here. */
async function ignoring(write: Promise<unknown>): Promise<void> {
  try {
    await write;
  } catch (error) {
    if (!isReason(error, 'NotFound') && !isReason(error, 'Conflict')) throw error;
  }
}

function withCondition(
  request: CertificateSigningRequest,
  type: string,
  reason: string,
  message: string,
  nowMs: number,
): CertificateSigningRequest {
  const now = timestamp(nowMs);
  const condition = { type, status: 'True', reason, message, lastUpdateTime: now, lastTransitionTime: now };
  const conditions = [...(request.status?.conditions ?? []), condition];
  return { ...request, status: { ...request.status, conditions } };
}

function expiryOf({ status }: CertificateSigningRequest): number | undefined {
  if (!status?.certificate) return undefined;
  try {
    return Date.parse(new X509Certificate(Buffer.from(status.certificate, 'base64')).validTo);
  } catch {
    return undefined;
  }
}
