import { expect, it } from 'vitest';
import { registryAuth } from './registry-auth.ts';

const encode = (text: string) => Buffer.from(text).toString('base64');
const modern = (auths: object) => ({ data: { '.dockerconfigjson': encode(JSON.stringify({ auths })) } });

it('finds the credentials of the registry of an image', () => {
  const secrets = [
    { data: { '.dockerconfigjson': encode('not json') } },
    modern({
      'https://r.example/v1/': { auth: encode('user:a:b') },
      'index.docker.io': { username: 'hub', password: 'p' },
    }),
    { data: { '.dockercfg': encode(JSON.stringify({ 'old.example:5000': { username: 'old', password: 'q' } })) } },
  ];
  expect(registryAuth('r.example/app:1', secrets)).toEqual({ username: 'user', password: 'a:b' });
  expect(registryAuth('busybox', secrets)).toEqual({ username: 'hub', password: 'p' });
  expect(registryAuth('old.example:5000/app', secrets)).toEqual({ username: 'old', password: 'q' });
  expect(registryAuth('other.example/app', secrets)).toBeUndefined();
});
