/**
 * A folder of PEM files: `ca.crt`, `ca.key`, `NAME.crt`, `NAME.key`, `service-account.key`. Keys are readable by their owner only (0600).
 * Files appear by rename, so that a reader never sees half a file; the CA and the service-account key are never replaced.
 */
import { X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CertificateAuthority, CertificateRequest } from './certificate-authority.ts';

/** A certificate with less life left than this is made anew at the next occasion. */
const renewBeforeMs = 30 * 24 * 60 * 60 * 1000;

export interface CertificateFiles {
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
}

export class PkiDirectory {
  readonly path: string;
  #authority: Promise<CertificateAuthority> | undefined;

  constructor(path: string) {
    this.path = path;
  }

  get caFile(): string {
    return join(this.path, 'ca.crt');
  }

  get serviceAccountKeyFile(): string {
    return join(this.path, 'service-account.key');
  }

  files(name: string): CertificateFiles {
    return { caFile: this.caFile, certFile: join(this.path, `${name}.crt`), keyFile: join(this.path, `${name}.key`) };
  }

  get exists(): boolean {
    return existsSync(this.caFile);
  }

  /** Makes the CA and the service-account key where they are missing. Returns true when the CA is new. */
  async init(clusterName: string): Promise<boolean> {
    mkdirSync(this.path, { recursive: true, mode: 0o700 });
    if (!existsSync(this.serviceAccountKeyFile)) {
      const { createServiceAccountKey } = await import('./service-account-key.ts');
      writeAtomically(this.serviceAccountKeyFile, createServiceAccountKey(), 0o600);
    }
    return this.initAuthority(`trimast-ca-${clusterName}`);
  }

  /** Makes the CA where it is missing. Returns true when it is new. */
  async initAuthority(commonName: string): Promise<boolean> {
    mkdirSync(this.path, { recursive: true, mode: 0o700 });
    if (this.exists) return false;
    const { createCa } = await import('./certificate-authority.ts');
    const authority = await createCa(commonName);
    writeAtomically(join(this.path, 'ca.key'), authority.keyPem, 0o600);
    writeAtomically(this.caFile, authority.certificatePem, 0o644);
    this.#authority = Promise.resolve(authority);
    return true;
  }

  /** Issues `NAME.crt` and `NAME.key` where they are missing, about to expire, without a name or address that is asked for, or `force` is set. Returns true when they are new. */
  async ensure(name: string, request: CertificateRequest, options: { force?: boolean } = {}): Promise<boolean> {
    const { certFile, keyFile } = this.files(name);
    if (!options.force && existsSync(keyFile) && existsSync(certFile) && isGood(certFile, request)) return false;
    const { issueCertificate } = await import('./certificate-authority.ts');
    const issued = await issueCertificate(await this.#ca(), request);
    writeAtomically(keyFile, issued.keyPem, 0o600);
    writeAtomically(certFile, issued.certificatePem, 0o644);
    return true;
  }

  #ca(): Promise<CertificateAuthority> {
    this.#authority ??= this.#load();
    return this.#authority;
  }

  async #load(): Promise<CertificateAuthority> {
    const keyFile = join(this.path, 'ca.key');
    if (!this.exists || !existsSync(keyFile)) {
      throw new Error(`no CA in ${this.path} (ca.crt and ca.key): run "trimast pki init --pki ${this.path}" first`);
    }
    const { loadCa } = await import('./certificate-authority.ts');
    try {
      return await loadCa({
        certificatePem: readFileSync(this.caFile, 'utf8'),
        keyPem: readFileSync(keyFile, 'utf8'),
      });
    } catch (cause) {
      throw new Error(`read the CA in ${this.path}: ca.crt or ca.key is damaged; restore both from a copy`, { cause });
    }
  }
}

function isGood(certFile: string, { dnsNames = [], ips = [] }: CertificateRequest): boolean {
  try {
    const certificate = new X509Certificate(readFileSync(certFile));
    if (Date.parse(certificate.validTo) - Date.now() < renewBeforeMs) return false;
    return dnsNames.every((name) => certificate.checkHost(name)) && ips.every((ip) => certificate.checkIP(ip));
  } catch (cause) {
    throw new Error(`read ${certFile}: it is no certificate; remove it to have it made anew`, { cause });
  }
}

export function writeAtomically(path: string, content: string, mode: number): void {
  const temporary = `${path}.${process.pid}.tmp`;
  writeFileSync(temporary, content, { mode });
  renameSync(temporary, path);
}
