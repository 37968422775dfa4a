/** Reads `trimast master --config F` and says precisely what is wrong with it. */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { resolveApiServerConfig } from '../apiserver/config.ts';
import { openTarget, parseSchedule } from '../backup/index.ts';
import { parsePool } from '../cloud/index.ts';
import type { BackupConfig, MasterConfig, MasterMember } from './config.ts';
import { disableProblem } from './disable.ts';

export { resolveApiServerConfig };

export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

export function loadMasterConfig(file: string): MasterConfig {
  let parsed: unknown;
  try {
    parsed = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new ConfigError(`cannot read the configuration "${file}": ${(error as Error).message}`, { cause: error });
  }
  return resolveMasterConfig(parsed as MasterConfig, dirname(resolve(file)), file);
}

/** Checks what is there and makes paths absolute. */
export function resolveMasterConfig(config: MasterConfig, folder: string, file: string): MasterConfig {
  const fail = (field: string, problem: string): never => {
    throw new ConfigError(`${file}: ${field} ${problem}`);
  };
  for (const field of ['name', 'clusterId', 'dataDir', 'serviceAccountKeyFile'] as const) {
    if (typeof config[field] !== 'string' || config[field] === '') fail(field, 'must be a text that is not empty');
  }
  if (!Array.isArray(config.members) || config.members.length === 0) fail('members', 'must list every master');
  const ids = new Set<number>();
  for (const [index, member] of config.members.entries()) checkMember(member, `members[${index}]`, ids, fail);
  if (!ids.has(config.memberId)) fail('memberId', `is ${config.memberId}, which is not the id of any of the members`);
  for (const field of ['podCidr', 'serviceCidr', 'clusterDomain'] as const) {
    if (typeof config.network?.[field] !== 'string') fail(`network.${field}`, 'must be a text');
  }
  for (const [index, pool] of (config.network.loadBalancerPools ?? []).entries()) {
    try {
      parsePool(pool);
    } catch (error) {
      fail(`network.loadBalancerPools[${index}]`, `is wrong: ${(error as Error).message}`);
    }
  }
  const path = (value: string) => resolve(folder, value);
  const epoch = config.epoch ?? 1;
  if (!Number.isSafeInteger(epoch) || epoch < 1) fail('epoch', 'must be a whole number from 1 on');
  return {
    ...config,
    ...(config.backup && { backup: checkBackup(config.backup, path, fail) }),
    dataDir: path(config.dataDir),
    ...(config.identityKeyFile !== undefined && { identityKeyFile: path(config.identityKeyFile) }),
    serviceAccountKeyFile: path(config.serviceAccountKeyFile),
    ...(config.apiServer && { apiServer: resolveApiServerConfig(config.apiServer, path) }),
    ...(config.disable && { disable: checkDisabled(config.disable, fail) }),
    ...(config.signing && {
      signing: { certFile: path(config.signing.certFile), keyFile: path(config.signing.keyFile) },
    }),
    ...(config.frontProxy && {
      frontProxy: {
        caFile: path(config.frontProxy.caFile),
        certFile: path(config.frontProxy.certFile),
        keyFile: path(config.frontProxy.keyFile),
      },
    }),
    tls: { caFile: path(config.tls.caFile), certFile: path(config.tls.certFile), keyFile: path(config.tls.keyFile) },
  };
}

function checkDisabled(names: readonly string[], fail: (field: string, problem: string) => never): readonly string[] {
  const unknown = disableProblem(names);
  if (unknown !== undefined) fail('disable', unknown);
  return names;
}

function checkBackup(
  backup: BackupConfig,
  path: (value: string) => string,
  fail: (field: string, problem: string) => never,
): BackupConfig {
  const s3 = backup.s3?.credentialsFile
    ? { ...backup.s3, credentialsFile: path(backup.s3.credentialsFile) }
    : backup.s3;
  const resolved = {
    ...backup,
    to: String(backup.to).startsWith('s3://') ? backup.to : path(backup.to),
    ...(s3 && { s3 }),
  };
  try {
    parseSchedule(backup.schedule);
    openTarget(resolved.to, s3);
  } catch (error) {
    fail('backup', (error as Error).message);
  }
  if (backup.keep !== undefined && !(Number.isSafeInteger(backup.keep) && backup.keep > 0))
    fail('backup.keep', 'must be a whole number from 1 on');
  return resolved;
}

function checkMember(
  member: MasterMember,
  where: string,
  ids: Set<number>,
  fail: (field: string, problem: string) => never,
): void {
  if (!Number.isSafeInteger(member.id) || member.id < 1) fail(`${where}.id`, 'must be a whole number from 1 on');
  if (ids.has(member.id)) fail(`${where}.id`, `${member.id} is taken by another member`);
  ids.add(member.id);
  const addresses = ['apiAddress', 'grpcAddress', 'raftAddress'] as const;
  for (const field of member.etcdAddress === undefined ? addresses : ([...addresses, 'etcdAddress'] as const)) {
    try {
      splitAddress(member[field]!);
    } catch (error) {
      fail(`${where}.${field}`, (error as Error).message);
    }
  }
}

/** `10.0.0.1:6443` or `[fd00::1]:6443`. */
export function splitAddress(address: string): { host: string; port: number } {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d+)$/.exec(address ?? '');
  const port = Number(match?.[3]);
  if (!match || port < 1 || port > 65535) throw new ConfigError(`must be HOST:PORT, but is ${JSON.stringify(address)}`);
  return { host: (match[1] ?? match[2])!, port };
}
