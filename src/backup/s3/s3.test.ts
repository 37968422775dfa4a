import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { BackupTarget } from '../target.ts';
import { TestS3Server } from '../testing/s3-server.ts';
import { resolveS3Settings } from './credentials.ts';
import { S3Client } from './s3-client.ts';
import { S3Target } from './s3-target.ts';
import { sha256Hex, signRequest } from './sign.ts';

async function* pieces(...all: Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* all;
}

test('signRequest gives the signature of the example in the S3 documentation', () => {
  const headers = signRequest(
    {
      method: 'GET',
      host: 'examplebucket.s3.amazonaws.com',
      path: '/test.txt',
      query: {},
      headers: { range: 'bytes=0-9' },
      bodySha256: sha256Hex(''),
    },
    { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY' },
    'us-east-1',
    new Date('2013-05-24T00:00:00Z'),
  );
  expect(headers.authorization).toContain('Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41');
});

describe('S3Target', () => {
  let server: TestS3Server;
  let target: BackupTarget;
  beforeEach(async () => {
    server = new TestS3Server();
    await server.listen();
    target = new S3Target(new S3Client(resolveS3Settings({}, server.environment), 'bucket'), 'bucket', 'some where');
  });
  afterEach(() => server.close());

  test('a small backup is written, listed page by page, read and removed', async () => {
    server.pageSize = 2;
    for (const name of ['c', 'a', 'e', 'b', 'd']) await target.write(`${name}.backup`, pieces(Buffer.from(name)));
    await target.write('notes.txt', pieces(Buffer.from('x')));
    expect((await target.list()).map(({ name }) => name)).toEqual(['a', 'b', 'c', 'd', 'e'].map((n) => `${n}.backup`));
    expect(Buffer.concat(await Array.fromAsync(await target.read('c.backup'))).toString()).toBe('c');
    await target.remove('c.backup');
    await expect(target.read('c.backup')).rejects.toMatchObject({ code: 'not-found' });
  });

  test('a large one goes in parts and appears as a whole', async () => {
    const content = Array.from({ length: 20 }, () => randomBytes(1 << 20));
    await target.write('large.backup', pieces(...content));
    expect(server.objects.get('bucket/some where/large.backup')?.equals(Buffer.concat(content))).toBe(true);
    expect(server.uploads.size).toBe(0);
  });

  test('a source that breaks leaves neither object nor upload', async () => {
    async function* broken() {
      for (let i = 0; i < 20; i++) yield randomBytes(1 << 20);
      throw new Error('the stream broke');
    }
    await expect(target.write('x.backup', broken())).rejects.toThrow('the stream broke');
    expect([server.objects.size, server.uploads.size]).toEqual([0, 0]);
  });

  test('a storage that is busy is asked again; one that refuses is named with its reason', async () => {
    server.failures = 2;
    await target.write('a.backup', pieces(Buffer.from('a')));
    const wrong = resolveS3Settings({}, { ...server.environment, AWS_SECRET_ACCESS_KEY: 'wrong' });
    const refused = new S3Target(new S3Client(wrong, 'bucket'), 'bucket', '');
    await expect(refused.list()).rejects.toThrow('SignatureDoesNotMatch');
  });
});

describe('resolveS3Settings', () => {
  test('credentials come from a file of either form, or from the environment', () => {
    const dir = mkdtempSync(join(tmpdir(), 'trimast-s3-'));
    try {
      const file = join(dir, 'credentials');
      writeFileSync(
        file,
        '[other]\naws_access_key_id=no\n[default]\naws_access_key_id = id\naws_secret_access_key = s=\n',
      );
      const expected = { accessKeyId: 'id', secretAccessKey: 's=' };
      expect(resolveS3Settings({ credentialsFile: file }, {}).credentials).toMatchObject(expected);
      writeFileSync(file, 'export AWS_ACCESS_KEY_ID=id\nAWS_SECRET_ACCESS_KEY="s="\nAWS_ENDPOINT_URL=http://x:1/\n');
      const settings = resolveS3Settings({ credentialsFile: file }, {});
      expect(settings).toMatchObject({ endpoint: 'http://x:1', credentials: expected });
    } finally {
      rmSync(dir, { recursive: true });
    }
    expect(() => resolveS3Settings({}, {})).toThrow('AWS_ACCESS_KEY_ID');
  });
});
