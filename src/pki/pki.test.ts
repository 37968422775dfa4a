import { createPublicKey, X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { createCa, issueCertificate } from './certificate-authority.ts';
import { adminCertificate, agentCertificate, masterCertificate } from './identities.ts';
import { renderKubeconfig } from './kubeconfig.ts';
import { PkiDirectory } from './pki-directory.ts';

const master = masterCertificate({
  name: 'master-1',
  addresses: ['127.0.0.1', '10.0.0.11'],
  clusterDomain: 'cluster.local',
});

/** One mutual-TLS handshake: what the server made of the client, or the error either side reported. */
async function handshake(
  server: { cert: string; key: string; ca: string },
  client: { cert: string; key: string; ca: string },
  servername?: string,
): Promise<{ authorized: boolean; subject: NonNullable<ReturnType<TLSSocket['getPeerCertificate']>['subject']> }> {
  const listener = createServer({ ...server, requestCert: true, rejectUnauthorized: true, minVersion: 'TLSv1.3' });
  listener.listen(0, '127.0.0.1');
  await new Promise((resolve) => listener.once('listening', resolve));
  const { port } = listener.address() as { port: number };
  try {
    return await new Promise((resolve, reject) => {
      listener.once('tlsClientError', reject);
      listener.once('secureConnection', (socket) => {
        resolve({ authorized: socket.authorized, subject: socket.getPeerCertificate().subject });
        socket.destroy();
      });
      const socket = connect({ ...client, host: '127.0.0.1', port, ...(servername && { servername }) });
      socket.once('error', reject);
      socket.once('close', () => socket.destroy());
    });
  } finally {
    listener.close();
  }
}

describe('PkiDirectory', () => {
  let path: string;
  let pki: PkiDirectory;
  beforeAll(async () => {
    path = mkdtempSync(join(tmpdir(), 'trimast-pki-'));
    pki = new PkiDirectory(join(path, 'pki'));
    await pki.init('test');
    await pki.ensure('master-1', master);
    await pki.ensure('worker-1', agentCertificate('worker-1', ['127.0.0.1']));
    await pki.ensure('admin', adminCertificate);
  });
  afterAll(() => rmSync(path, { recursive: true, force: true }));

  const pair = (name: string) => {
    const files = pki.files(name);
    return {
      cert: readFileSync(files.certFile, 'utf8'),
      key: readFileSync(files.keyFile, 'utf8'),
      ca: readFileSync(files.caFile, 'utf8'),
    };
  };

  it('issues chains that both sides of a mutual TLS 1.3 handshake accept', async () => {
    const result = await handshake(pair('master-1'), pair('worker-1'));
    expect(result.authorized).toBe(true);
    expect(result.subject).toMatchObject({ CN: 'system:node:worker-1', O: 'system:nodes' });
  });

  it('names every organization by itself', async () => {
    const result = await handshake(pair('worker-1'), pair('master-1'));
    expect(result.subject.CN).toBe('trimast:master:master-1');
    expect(result.subject.O).toEqual(['trimast:masters', 'system:masters']);
  });

  it('is reached under its own name, and under no other', async () => {
    await expect(handshake(pair('master-1'), pair('admin'), 'kubernetes.default.svc')).resolves.toBeDefined();
    await expect(handshake(pair('master-1'), pair('admin'), 'example.com')).rejects.toThrow(/altname|alternative/i);
  });

  it('refuses a client of another CA, and a client certificate as a server', async () => {
    const other = await createCa('other');
    const stranger = await issueCertificate(other, adminCertificate);
    const client = { cert: stranger.certificatePem, key: stranger.keyPem, ca: pair('admin').ca };
    await expect(handshake(pair('master-1'), client)).rejects.toThrow();
    await expect(handshake(pair('admin'), pair('master-1'))).rejects.toThrow();
  });

  it('backdates by five minutes and carries the addresses', () => {
    const certificate = new X509Certificate(readFileSync(pki.files('master-1').certFile));
    const ageMs = Date.now() - Date.parse(certificate.validFrom);
    expect(ageMs).toBeGreaterThanOrEqual(5 * 60_000);
    expect(certificate.subjectAltName).toContain('IP Address:10.0.0.11');
    expect(certificate.ca).toBe(false);
  });

  it('keeps keys readable by their owner only', () => {
    for (const name of ['ca.key', 'master-1.key', 'admin.key', 'service-account.key'])
      expect(statSync(join(pki.path, name)).mode & 0o777, name).toBe(0o600);
  });

  it('changes nothing when everything is there, and renews what is about to expire', async () => {
    const before = pair('admin');
    expect(await new PkiDirectory(pki.path).init('test')).toBe(false);
    expect(await new PkiDirectory(pki.path).ensure('admin', adminCertificate)).toBe(false);
    expect(pair('admin')).toEqual(before);
    await pki.ensure('short', { ...adminCertificate, days: 10 });
    expect(await new PkiDirectory(pki.path).ensure('short', adminCertificate)).toBe(true);
  });

  it('says what to do when there is no CA', async () => {
    await expect(new PkiDirectory(join(path, 'none')).ensure('x', adminCertificate)).rejects.toThrow(
      /trimast pki init/,
    );
  });

  it('makes a service-account key on P-256', () => {
    const key = createPublicKey(readFileSync(pki.serviceAccountKeyFile, 'utf8'));
    expect(key.asymmetricKeyDetails?.namedCurve).toBe('prime256v1');
  });

  it('renders a kubeconfig with the certificates embedded', () => {
    const config = parse(
      renderKubeconfig({
        server: 'https://10.64.0.1:6443',
        clusterName: 'trimast-1a2b3c',
        userName: 'kubernetes-admin',
        files: pki.files('admin'),
      }),
    );
    const [context] = config.contexts;
    expect(context.name).toBe(config['current-context']);
    const [cluster] = config.clusters.filter((entry: { name: string }) => entry.name === context.context.cluster);
    const [user] = config.users.filter((entry: { name: string }) => entry.name === context.context.user);
    expect(cluster.cluster.server).toBe('https://10.64.0.1:6443');
    expect(Buffer.from(cluster.cluster['certificate-authority-data'], 'base64').toString()).toBe(pair('admin').ca);
    expect(Buffer.from(user.user['client-key-data'], 'base64').toString()).toBe(pair('admin').key);
  });
});

describe('issueCertificate', () => {
  it('refuses an address that is none, and a certificate for nobody', async () => {
    const ca = await createCa('ca');
    await expect(issueCertificate(ca, { ...adminCertificate, ips: ['10.0.0.256'] })).rejects.toThrow('10.0.0.256');
    await expect(issueCertificate(ca, { ...adminCertificate, commonName: '' })).rejects.toThrow('common name');
  });

  it('never outlives its CA', async () => {
    const ca = await createCa('ca', 10);
    const { certificatePem } = await issueCertificate(ca, { ...adminCertificate, days: 100 });
    expect(new X509Certificate(certificatePem).validTo).toBe(new X509Certificate(ca.certificatePem).validTo);
  });
});
