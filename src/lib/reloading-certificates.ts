/**
 * Certificates that are read again when their files change, so that they can be rotated while the program runs: new connections use the
 * new ones, existing connections go on. A pair that does not fit together (a rotation half done) or a file that cannot be read is
 * reported once and the last good certificates stay in use.
 *
 * Files are looked at every {@link refreshIntervalMs}, and only while a server or channel uses them.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import * as grpc from '@grpc/grpc-js';
import type { TlsFiles } from './grpc.ts';

export const refreshIntervalMs = 1_000;

interface Pems {
  readonly caCertificate: Buffer;
  readonly certificate: Buffer;
  readonly privateKey: Buffer;
}

type CaListener = grpc.experimental.CaCertificateUpdateListener;
type IdentityListener = grpc.experimental.IdentityCertificateUpdateListener;

/** @throws Error when a file is missing or the key is not that of the certificate. */
function read({ caFile, certFile, keyFile }: TlsFiles): Pems {
  const pems = {
    caCertificate: readFileSync(caFile),
    certificate: readFileSync(certFile),
    privateKey: readFileSync(keyFile),
  };
  new X509Certificate(pems.caCertificate);
  if (!new X509Certificate(pems.certificate).checkPrivateKey(createPrivateKey(pems.privateKey)))
    throw new Error(`"${keyFile}" is not the key of "${certFile}"`);
  return pems;
}

/** Changes with every change of one of the files. */
function signature({ caFile, certFile, keyFile }: TlsFiles): string {
  const one = (file: string) => {
    const { mtimeMs, size, ino } = statSync(file, { throwIfNoEntry: false }) ?? { mtimeMs: 0, size: 0, ino: 0 };
    return `${mtimeMs}/${size}/${ino}`;
  };
  return [caFile, certFile, keyFile].map(one).join(' ');
}

export class ReloadingCertificates implements grpc.experimental.CertificateProvider {
  readonly #files: TlsFiles;
  readonly #onProblem: (message: string) => void;
  readonly #caListeners = new Set<CaListener>();
  readonly #identityListeners = new Set<IdentityListener>();
  #pems: Pems;
  #signature: string;
  #timer: NodeJS.Timeout | undefined;

  /** @throws Error when the files cannot be used now. */
  constructor(files: TlsFiles, onProblem: (message: string) => void = () => undefined) {
    this.#files = files;
    this.#onProblem = onProblem;
    this.#signature = signature(files);
    this.#pems = read(files);
  }

  addCaCertificateListener(listener: CaListener): void {
    this.#caListeners.add(listener);
    this.#watch();
    // Not at once: grpc-js listens first and is ready for the answer only afterwards.
    process.nextTick(() => listener(this.#pems));
  }

  removeCaCertificateListener(listener: CaListener): void {
    this.#caListeners.delete(listener);
    this.#watch();
  }

  addIdentityCertificateListener(listener: IdentityListener): void {
    this.#identityListeners.add(listener);
    this.#watch();
    process.nextTick(() => listener(this.#pems));
  }

  removeIdentityCertificateListener(listener: IdentityListener): void {
    this.#identityListeners.delete(listener);
    this.#watch();
  }

  /** PEM, as they are now. */
  get current(): { ca: Buffer; cert: Buffer; key: Buffer } {
    const { caCertificate: ca, certificate: cert, privateKey: key } = this.#pems;
    return { ca, cert, key };
  }

  /** Called with every change, until what is returned is called. */
  onChange(listener: (pems: { ca: Buffer; cert: Buffer; key: Buffer }) => void): () => void {
    const changed = () => listener(this.current);
    this.#identityListeners.add(changed);
    this.#watch();
    return () => this.removeIdentityCertificateListener(changed);
  }

  /** Looks at the files now. */
  refresh(): void {
    const found = signature(this.#files);
    if (found === this.#signature) return;
    this.#signature = found;
    try {
      this.#pems = read(this.#files);
    } catch (error) {
      this.#onProblem(
        `certificates have changed and cannot be used, the last good ones stay: ${(error as Error).message}`,
      );
      return;
    }
    for (const listener of this.#identityListeners) listener(this.#pems);
    for (const listener of this.#caListeners) listener(this.#pems);
  }

  #watch(): void {
    const used = this.#caListeners.size + this.#identityListeners.size > 0;
    if (used && !this.#timer) this.#timer = setInterval(() => this.refresh(), refreshIntervalMs).unref();
    if (!used) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
  }
}

/** As serverCredentials (grpc.ts), and reloading. */
export function reloadingServerCredentials(certificates: ReloadingCertificates): grpc.ServerCredentials {
  return grpc.experimental.createCertificateProviderServerCredentials(certificates, certificates, true);
}

/** Mutual TLS, and reloading. `checkServerIdentity` decides about the server's certificate, which is one of our CA. */
export function reloadingClientCredentials(
  certificates: ReloadingCertificates,
  checkServerIdentity: NonNullable<grpc.VerifyOptions['checkServerIdentity']>,
): grpc.ChannelCredentials {
  return grpc.experimental.createCertificateProviderChannelCredentials(certificates, certificates, {
    checkServerIdentity,
  });
}
