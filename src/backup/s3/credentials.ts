/**
 * Whom S3 requests are signed by: `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` (and `AWS_SESSION_TOKEN`), else a file with the same names, one
 * `NAME=value` a line, else the profile of an AWS credentials file. `AWS_ENDPOINT_URL` and `AWS_REGION` say where.
 */
import { readFileSync } from 'node:fs';
import { BackupError } from '../backup-error.ts';

export interface S3Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
}

export interface S3Settings {
  /** `https://host[:port]`; buckets are the first part of the path. */
  readonly endpoint: string;
  readonly region: string;
  readonly credentials: S3Credentials;
}

export interface S3Options {
  readonly endpoint?: string | undefined;
  readonly region?: string | undefined;
  /** A file of `NAME=value` lines, or in the form of ~/.aws/credentials (profile "default"). */
  readonly credentialsFile?: string | undefined;
}

/** @throws BackupError invalid that names what is missing */
export function resolveS3Settings(options: S3Options, env: NodeJS.ProcessEnv = process.env): S3Settings {
  const file = options.credentialsFile ?? env.AWS_SHARED_CREDENTIALS_FILE;
  const fromFile = file === undefined ? {} : readCredentialsFile(file);
  const find = (name: string) =>
    options.credentialsFile ? (fromFile[name] ?? env[name]) : (env[name] ?? fromFile[name]);
  const accessKeyId = find('AWS_ACCESS_KEY_ID');
  const secretAccessKey = find('AWS_SECRET_ACCESS_KEY');
  if (!accessKeyId || !secretAccessKey) {
    throw new BackupError(
      'invalid',
      'S3 credentials are missing: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a credentials file',
    );
  }
  const region = options.region ?? find('AWS_REGION') ?? find('AWS_DEFAULT_REGION') ?? 'us-east-1';
  return {
    endpoint: (options.endpoint ?? find('AWS_ENDPOINT_URL') ?? `https://s3.${region}.amazonaws.com`).replace(
      /\/+$/,
      '',
    ),
    region,
    credentials: { accessKeyId, secretAccessKey, sessionToken: find('AWS_SESSION_TOKEN') },
  };
}

function readCredentialsFile(file: string): Record<string, string> {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new BackupError('invalid', `S3 credentials: cannot read ${file}: ${(cause as Error).message}`, { cause });
  }
  const found: Record<string, string> = {};
  let profile = 'default';
  for (const line of text.split('\n')) {
    const section = /^\s*\[([^\]]+)\]\s*$/.exec(line);
    if (section) profile = section[1]!.trim();
    const pair = /^\s*(?:export\s+)?([A-Za-z_]+)\s*=\s*(.*?)\s*$/.exec(line);
    if (pair && profile === 'default') found[pair[1]!.toUpperCase()] = pair[2]!.replace(/^"(.*)"$/, '$1');
  }
  return found;
}
