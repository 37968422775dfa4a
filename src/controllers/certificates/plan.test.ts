import { describe, expect, test } from 'vitest';
import type { CertificateSigningRequest } from '../../api/generated/types/certificates-v1.ts';
import { isOver, planRequest } from './plan.ts';
import type { RequestedCertificate } from './signers.ts';

const node: RequestedCertificate = {
  commonName: 'system:node:n1',
  organizations: ['system:nodes'],
  dnsNames: [],
  ips: [],
  emails: [],
  uris: [],
};
const clientUsages = ['digital signature', 'client auth'];

function request(
  change: Partial<CertificateSigningRequest['spec']>,
  ...conditions: string[]
): CertificateSigningRequest {
  return {
    metadata: { name: 'r', creationTimestamp: '2026-01-01T00:00:00Z' },
    spec: { request: '', signerName: 'kubernetes.io/kube-apiserver-client-kubelet', usages: clientUsages, ...change },
    status: {
      conditions: conditions.map((type) => ({ type, status: 'True', lastUpdateTime: '2026-01-01T00:00:00Z' })),
    },
  };
}

describe('planRequest', () => {
  test('a node may renew its own certificate, and ask for its first one', () => {
    expect(planRequest(request({ username: 'system:node:n1' }), node)).toEqual({
      kind: 'approve-if-allowed',
      subresource: 'selfnodeclient',
    });
    expect(planRequest(request({ username: 'system:bootstrap:abc' }), node)).toMatchObject({
      subresource: 'nodeclient',
    });
    expect(planRequest(request({}), { ...node, dnsNames: ['x'] })).toEqual({ kind: 'none' });
  });

  test('what is approved is signed for as long as asked, at most a year', () => {
    expect(planRequest(request({}, 'Approved'), node)).toMatchObject({
      kind: 'sign',
      durationMs: 365 * 24 * 3_600_000,
    });
    expect(planRequest(request({ expirationSeconds: 600 }, 'Approved'), node)).toMatchObject({ durationMs: 600_000 });
  });

  test.each<[string, Partial<CertificateSigningRequest['spec']>, Partial<RequestedCertificate>, string]>([
    ['another organization', {}, { organizations: ['a'] }, 'subject organization is not system:nodes'],
    [
      'usages',
      { usages: ['server auth'] },
      {},
      'usages did not match ["key encipherment","digital signature","client auth"]',
    ],
    [
      'a server without names',
      { signerName: 'kubernetes.io/kubelet-serving' },
      {},
      'DNS or IP subjectAltName is required',
    ],
    [
      'a client that would be a CA',
      { signerName: 'kubernetes.io/kube-apiserver-client', usages: ['client auth', 'cert sign'] },
      {},
      'usages did not match ["digital signature","key encipherment","client auth"]',
    ],
  ])('a signer refuses %s', (_, spec, certificate, message) => {
    expect(planRequest(request(spec, 'Approved'), { ...node, ...certificate })).toEqual({ kind: 'fail', message });
  });

  test('other signers, denied and failed requests are left alone', () => {
    expect(planRequest(request({ signerName: 'example.com/x' }, 'Approved'), node)).toEqual({ kind: 'none' });
    expect(planRequest(request({}, 'Approved', 'Failed'), node)).toEqual({ kind: 'none' });
    expect(planRequest(request({}, 'Denied'), node)).toEqual({ kind: 'none' });
  });
});

test('isOver forgets what is decided after an hour, the undecided after a day, and certificates that expired', () => {
  const at = (hours: number) => Date.parse('2026-01-01T00:00:00Z') + hours * 3_600_000;
  expect(isOver(request({}, 'Approved'), undefined, at(0.9))).toBe(false);
  expect(isOver(request({}, 'Approved'), undefined, at(1.1))).toBe(true);
  expect(isOver(request({}), undefined, at(23))).toBe(false);
  expect(isOver(request({}), undefined, at(25))).toBe(true);
  expect(isOver(request({}, 'Approved'), at(0.1), at(0.2))).toBe(true);
});
