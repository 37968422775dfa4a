/** What only the end-to-end tests need: a stock kubectl, a registry to pull from and a tool that fills it, a container engine for masters. As root on a Debian-like system. */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Program to look for, and the Debian package that has it. Debian's kubectl is old; a newer one on PATH is preferred. */
const tools = [
  ['kubectl', 'kubernetes-client'],
  ['docker-registry', 'docker-registry'],
  ['skopeo', 'skopeo'],
  ['dockerd', 'docker.io'],
] as const;

const policyFile = '/usr/sbin/policy-rc.d';

/** Prints what it installs and why. What cannot be installed is left to the tests to miss. */
export function installTestTools(): void {
  const missing = tools.filter(([program]) => !isOnPath(program)).map(([, name]) => name);
  if (missing.length === 0 || process.getuid?.() !== 0 || !isOnPath('apt-get')) return;
  console.log(`installing Debian packages that only the tests need: ${missing.join(' ')}`);
  // Debian starts the service of what it installs; the tests start a registry of their own.
  const hasPolicy = existsSync(policyFile);
  if (!hasPolicy) writeFileSync(policyFile, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    const install = () => apt('install', '-y', '--no-install-recommends', ...missing);
    if (!install()) {
      apt('update');
      install();
    }
  } finally {
    if (!hasPolicy) rmSync(policyFile, { force: true });
  }
}

function apt(...args: string[]): boolean {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const result = spawnSync('apt-get', ['-q', ...args], { env, encoding: 'utf8' });
  if (result.status !== 0) console.log(`apt-get ${args.join(' ')} failed:\n${result.stderr}`);
  return result.status === 0;
}

function isOnPath(program: string): boolean {
  return (process.env.PATH ?? '').split(':').some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
