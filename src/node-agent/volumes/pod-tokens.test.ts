import { beforeEach, expect, test } from 'vitest';
import { ManualClock } from '../../lib/clock.ts';
import { silentLogger } from '../../lib/logger.ts';
import type { WantedPod } from '../pod/types.ts';
import { testPod } from '../testing/pods.ts';
import { PodTokens, type TokenAsk } from './pod-tokens.ts';

let clock: ManualClock;
let asks: TokenAsk[];
let due: string[];
let written: string | undefined;
let failure: Error | undefined;
let tokens: PodTokens;

beforeEach(() => {
  clock = new ManualClock();
  asks = [];
  due = [];
  written = undefined;
  failure = undefined;
  tokens = new PodTokens({
    clock,
    logger: silentLogger,
    issue: async (ask) => {
      if (failure) throw failure;
      asks.push(ask);
      return { token: `token ${asks.length}`, expiresAtMs: clock.nowMs() + ask.expirationSeconds * 1_000 };
    },
    written: async () => written,
    onDue: (podUid) => due.push(podUid),
  });
});

const source = { path: 'token', expirationSeconds: 1_000 };

function pod(...sources: (typeof source & { audience?: string })[]): WantedPod {
  const plain = testPod();
  const projected = { sources: sources.map((serviceAccountToken) => ({ serviceAccountToken })) };
  return { ...plain, spec: { ...plain.spec, serviceAccountName: 'robot', volumes: [{ name: 'v', projected }] } };
}

function signed(claims: object): string {
  return `x.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.y`;
}

test('a token is asked for once, and again after most of its time', async () => {
  const lookup = await tokens.forPod(pod(source));
  expect(lookup(source)).toBe('token 1');
  expect(asks[0]).toMatchObject({ serviceAccount: 'robot', audience: '', expirationSeconds: 1_000 });
  await tokens.forPod(pod(source));
  expect(asks).toHaveLength(1);
  clock.advance(799_000);
  expect(due).toEqual([]);
  clock.advance(2_000);
  expect(due).toEqual([pod().metadata.uid]);
  expect((await tokens.forPod(pod(source)))(source)).toBe('token 2');
  clock.advance(700_000);
  expect(due).toHaveLength(1);
});

test('each audience has its own token', async () => {
  const vault = { ...source, audience: 'vault' };
  const lookup = await tokens.forPod(pod(source, vault));
  expect([lookup(source), lookup(vault)]).toEqual(['token 1', 'token 2']);
});

test('while no master answers, a token that is still good stays; one that has expired is an error', async () => {
  await tokens.forPod(pod(source));
  failure = new Error('no master');
  clock.advance(900_000);
  expect((await tokens.forPod(pod(source)))(source)).toBe('token 1');
  clock.advance(200_000);
  await expect(tokens.forPod(pod(source))).rejects.toThrow('no master');
});

test('a restarted agent takes over what is on the disk, unless it has expired or is for somebody else', async () => {
  const nowS = Math.floor(clock.nowMs() / 1_000);
  written = signed({ iat: nowS - 100, exp: nowS + 365 * 86_400, aud: ['vault'] });
  const vault = { ...source, audience: 'vault' };
  expect((await tokens.forPod(pod(vault)))(vault)).toBe(written);
  expect(asks).toHaveLength(0);
  // It counts as what was asked for, however long the API lets it live.
  clock.advance(710_000);
  expect(due).toHaveLength(1);

  tokens.forget(pod().metadata.uid);
  const other = { ...source, audience: 'other' };
  expect((await tokens.forPod(pod(other)))(other)).toBe('token 1');
  tokens.forget(pod().metadata.uid);
  written = signed({ iat: nowS - 2_000, exp: nowS - 1_000, aud: 'vault' });
  expect((await tokens.forPod(pod(vault)))(vault)).toBe('token 2');
});
