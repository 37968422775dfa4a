/** `trimast pki …`: certificates for a cluster on machines of its own. `up` does the same by itself. */
import { isIP } from 'node:net';
import { join } from 'node:path';
import type { CertificateRequest } from '../../pki/certificate-authority.ts';
import { agentCertificate, loadBalancerCertificate, masterCertificate, userCertificate } from '../../pki/identities.ts';
import { writeKubeconfig } from '../../pki/kubeconfig.ts';
import { PkiDirectory } from '../../pki/pki-directory.ts';
import { CliError } from '../cli-error.ts';

export interface PkiOptions {
  /** Folder of the certificates. */
  readonly pki: string;
  readonly address?: string[] | undefined;
  readonly days?: number | undefined;
  readonly force?: boolean | undefined;
}

export async function pkiInit(options: { pki: string; name: string }): Promise<void> {
  const pki = new PkiDirectory(options.pki);
  const isNew = await pki.init(options.name);
  process.stdout.write(
    isNew
      ? `Made ${pki.caFile}, ca.key and service-account.key. Keep ca.key where only you can read it: masters and agents do not need it.\n`
      : `${pki.caFile} is there already; nothing was changed.\n`,
  );
}

export async function pkiIssueMaster(name: string, options: PkiOptions & { clusterDomain: string }): Promise<void> {
  const { ips, dnsNames } = splitAddresses(
    options,
    `the addresses under which ${name} and its load balancer are reached`,
  );
  await issue(
    name,
    masterCertificate({ name, addresses: ips, dnsNames, clusterDomain: options.clusterDomain }),
    options,
  );
}

export async function pkiIssueAgent(name: string, options: PkiOptions): Promise<void> {
  const { ips, dnsNames } = splitAddresses(options, `the address of the node ${name}`);
  const request = agentCertificate(name, ips);
  await issue(name, { ...request, dnsNames: [...new Set([...(request.dnsNames ?? []), ...dnsNames])] }, options);
}

export async function pkiIssueLoadBalancer(name: string, options: PkiOptions): Promise<void> {
  await issue(name, loadBalancerCertificate(name), options);
}

export interface UserOptions extends PkiOptions {
  readonly group?: string[] | undefined;
  readonly server?: string | undefined;
  readonly clusterName: string;
}

export async function pkiIssueUser(name: string, options: UserOptions): Promise<void> {
  // `system:kube-scheduler` cannot name a file everywhere.
  const fileName = name.replaceAll(':', '-');
  const pki = await issue(fileName, userCertificate(name, options.group ?? []), options);
  if (!options.server) return;
  const file = join(pki.path, `${fileName}.kubeconfig`);
  const server = options.server.startsWith('https://') ? options.server : `https://${options.server}`;
  writeKubeconfig(file, { server, clusterName: options.clusterName, userName: name, files: pki.files(fileName) });
  process.stdout.write(`Wrote ${file}\n`);
}

async function issue(name: string, request: CertificateRequest, options: PkiOptions): Promise<PkiDirectory> {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name)) {
    throw new CliError(`"${name}" cannot name a file: use letters, digits, "-", "." and "_"`, { exitCode: 2 });
  }
  const pki = new PkiDirectory(options.pki);
  const withDays = options.days === undefined ? request : { ...request, days: options.days };
  const isNew = await pki.ensure(name, withDays, { force: options.force ?? false });
  const { certFile } = pki.files(name);
  process.stdout.write(
    isNew
      ? `Wrote ${certFile} and its key for ${request.commonName}.\n`
      : `${certFile} is there and valid for more than 30 days; nothing was changed (--force makes it anew).\n`,
  );
  return pki;
}

function splitAddresses(options: PkiOptions, what: string): { ips: string[]; dnsNames: string[] } {
  const all = options.address ?? [];
  if (all.length === 0) throw new CliError(`--address is missing: ${what}; give it once for each`, { exitCode: 2 });
  return { ips: all.filter((one) => isIP(one) !== 0), dnsNames: all.filter((one) => isIP(one) === 0) };
}
