import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { createCa } from './certificate-authority.ts';
import { parseCertificateRequest, signCertificateRequest } from './certificate-request.ts';

const folder = mkdtempSync(join(tmpdir(), 'tt-csr-'));
afterAll(() => rmSync(folder, { recursive: true }));

function request(...key: string[]): string {
  const out = join(folder, 'r.csr');
  const names = 'subjectAltName=DNS:a.example,IP:10.0.0.1,email:a@b.c,URI:spiffe://x/y';
  const args = ['req', '-new', '-nodes', '-newkey', ...key, '-keyout', join(folder, 'k.pem'), '-out', out];
  execFileSync('openssl', [...args, '-subj', '/O=one/O=two/CN=jane', '-addext', names], { stdio: 'pipe' });
  return readFileSync(out, 'utf8');
}

test.each([[['rsa:2048']], [['ec', '-pkeyopt', 'ec_paramgen_curve:P-384']]])(
  'a request of openssl (%j) is read and signed as asked',
  async (key) => {
    const pem = request(...key);
    expect(parseCertificateRequest(pem)).toEqual({
      commonName: 'jane',
      organizations: ['one', 'two'],
      dnsNames: ['a.example'],
      ips: ['10.0.0.1'],
      emails: ['a@b.c'],
      uris: ['spiffe://x/y'],
    });
    const ca = await createCa('test');
    const nowMs = Math.floor(Date.now() / 1000) * 1000;
    const usages = ['digital signature', 'client auth'];
    const signed = new X509Certificate(await signCertificateRequest(ca, pem, { usages, durationMs: 600_000, nowMs }));
    expect(signed.verify(new X509Certificate(ca.certificatePem).publicKey)).toBe(true);
    expect(signed.subject).toBe('O=one\nO=two\nCN=jane');
    expect(signed.checkHost('a.example')).toBe('a.example');
    expect(Date.parse(signed.validTo)).toBe(nowMs + 600_000);
    expect(signed.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2']);
    expect(signed.ca).toBe(false);
  },
);

test('a request that is not signed by its own key is refused', async () => {
  const lines = request('rsa:2048').trim().split('\n');
  const last = lines.length - 2;
  lines[last] = [...lines[last]!].reverse().join('');
  const options = { usages: [], durationMs: 1, nowMs: 0 };
  await expect(signCertificateRequest(await createCa('test'), lines.join('\n'), options)).rejects.toThrow();
});
