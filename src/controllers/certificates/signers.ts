/** What each of Kubernetes' own signers signs (Kubernetes, "Certificates and Certificate Signing Requests"). Pure. */

export interface RequestedCertificate {
  readonly commonName: string;
  readonly organizations: readonly string[];
  readonly dnsNames: readonly string[];
  readonly ips: readonly string[];
  readonly emails: readonly string[];
  readonly uris: readonly string[];
}

const nodesGroup = 'system:nodes';
const nodePrefix = 'system:node:';

export const signerNames = {
  apiServerClient: 'kubernetes.io/kube-apiserver-client',
  kubeletClient: 'kubernetes.io/kube-apiserver-client-kubelet',
  kubeletServing: 'kubernetes.io/kubelet-serving',
  legacyUnknown: 'kubernetes.io/legacy-unknown',
} as const;

/** Why the signer refuses the request; undefined: it signs. */
type Rule = (certificate: RequestedCertificate, usages: readonly string[]) => string | undefined;

export const signers: Readonly<Record<string, Rule>> = {
  [signerNames.apiServerClient]: (_, usages) =>
    within(usages, ['digital signature', 'key encipherment', 'client auth'], 'client auth'),
  [signerNames.kubeletClient]: (certificate, usages) => nodeSubject(certificate) ?? kubeletClient(certificate, usages),
  [signerNames.kubeletServing]: (certificate, usages) =>
    nodeSubject(certificate) ?? kubeletServing(certificate, usages),
  [signerNames.legacyUnknown]: () => undefined,
};

function nodeSubject({ organizations, commonName }: RequestedCertificate): string | undefined {
  if (organizations.length !== 1 || organizations[0] !== nodesGroup) {
    return `subject organization is not ${nodesGroup}`;
  }
  return commonName.startsWith(nodePrefix) ? undefined : `subject common name does not begin with ${nodePrefix}`;
}

function kubeletClient({ dnsNames, ips, emails, uris }: RequestedCertificate, usages: readonly string[]) {
  if (dnsNames.length > 0) return 'DNS subjectAltNames are not allowed';
  if (emails.length > 0) return 'email subjectAltNames are not allowed';
  if (ips.length > 0) return 'IP subjectAltNames are not allowed';
  if (uris.length > 0) return 'URI subjectAltNames are not allowed';
  return within(usages, ['key encipherment', 'digital signature', 'client auth'], 'client auth', 'digital signature');
}

function kubeletServing({ dnsNames, ips, emails, uris }: RequestedCertificate, usages: readonly string[]) {
  if (dnsNames.length + ips.length === 0) return 'DNS or IP subjectAltName is required';
  if (emails.length > 0) return 'email subjectAltNames are not allowed';
  if (uris.length > 0) return 'URI subjectAltNames are not allowed';
  return within(usages, ['key encipherment', 'digital signature', 'server auth'], 'server auth', 'digital signature');
}

function within(usages: readonly string[], allowed: readonly string[], ...needed: readonly string[]) {
  const fits = usages.every((usage) => allowed.includes(usage)) && needed.every((usage) => usages.includes(usage));
  return fits ? undefined : `usages did not match ${JSON.stringify(allowed)}`;
}

/** Whether a node asks for a certificate of its own, in the form that may be approved by itself. */
export function isNodeClient(
  signerName: string,
  certificate: RequestedCertificate,
  usages: readonly string[],
): boolean {
  return signerName === signerNames.kubeletClient && signers[signerName]!(certificate, usages) === undefined;
}
