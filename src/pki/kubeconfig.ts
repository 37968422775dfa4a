/** A kubeconfig (`v1` Config) with everything embedded, so that the one file can be copied to another machine. */
import { readFileSync } from 'node:fs';
import { type CertificateFiles, writeAtomically } from './pki-directory.ts';

export interface KubeconfigOptions {
  /** `https://host:port` of the API, as its users reach it. */
  readonly server: string;
  readonly clusterName: string;
  readonly userName: string;
  readonly files: CertificateFiles;
}

export function renderKubeconfig({ server, clusterName, userName, files }: KubeconfigOptions): string {
  const embed = (path: string) => readFileSync(path).toString('base64');
  const context = `${userName}@${clusterName}`;
  return `${[
    'apiVersion: v1',
    'kind: Config',
    'clusters:',
    `- name: ${clusterName}`,
    '  cluster:',
    `    server: ${server}`,
    `    certificate-authority-data: ${embed(files.caFile)}`,
    'users:',
    `- name: ${JSON.stringify(userName)}`,
    '  user:',
    `    client-certificate-data: ${embed(files.certFile)}`,
    `    client-key-data: ${embed(files.keyFile)}`,
    'contexts:',
    `- name: ${JSON.stringify(context)}`,
    '  context:',
    `    cluster: ${clusterName}`,
    `    user: ${JSON.stringify(userName)}`,
    `current-context: ${JSON.stringify(context)}`,
  ].join('\n')}\n`;
}

export function writeKubeconfig(path: string, options: KubeconfigOptions): void {
  writeAtomically(path, renderKubeconfig(options), 0o600);
}
