/** Which certificate each member of a cluster carries. Common names and organizations are what masters authorize by. */
import type { CertificateRequest } from './certificate-authority.ts';

/** A master speaks to masters, to agents and to itself, and is reached under its own names and the API's in-cluster names. */
export function masterCertificate(options: {
  readonly name: string;
  readonly addresses: readonly string[];
  readonly dnsNames?: readonly string[];
  readonly clusterDomain: string;
}): CertificateRequest {
  const inCluster = ['kubernetes', 'kubernetes.default', 'kubernetes.default.svc'];
  return {
    commonName: `trimast:master:${options.name}`,
    organizations: ['trimast:masters', 'system:masters'],
    dnsNames: unique([
      options.name,
      'localhost',
      ...inCluster,
      `kubernetes.default.svc.${options.clusterDomain}`,
      ...(options.dnsNames ?? []),
    ]),
    ips: unique(['127.0.0.1', ...options.addresses]),
    usages: ['server', 'client'],
  };
}

export function agentCertificate(nodeName: string, addresses: readonly string[]): CertificateRequest {
  return {
    commonName: `system:node:${nodeName}`,
    organizations: ['system:nodes'],
    dnsNames: [nodeName],
    ips: unique(addresses),
    usages: ['server', 'client'],
  };
}

export function loadBalancerCertificate(name: string): CertificateRequest {
  return {
    commonName: `trimast:lb:${name}`,
    organizations: ['trimast:load-balancers'],
    usages: ['client'],
  };
}

export function userCertificate(name: string, organizations: readonly string[]): CertificateRequest {
  return { commonName: name, organizations, usages: ['client'] };
}

/** For etcdctl and other clients of etcd's interface. */
export const etcdClientCertificate: CertificateRequest = userCertificate('etcd-client', ['trimast:etcd-clients']);

/** Of the front-proxy CA: what masters show to aggregated API servers. */
export const frontProxyName = 'trimast-front-proxy';
export const frontProxyCertificate: CertificateRequest = userCertificate(frontProxyName, []);

export const adminCertificate: CertificateRequest = userCertificate('kubernetes-admin', ['system:masters']);

function unique(values: readonly string[]): string[] {
  return [...new Set(values)];
}
