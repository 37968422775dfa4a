import { expect, test } from 'vitest';
import { runtimeContainer } from '../testing/pods.ts';
import { withoutCutOffStarts } from './cut-off-start.ts';

const failed = (message: string) =>
  runtimeContainer('app', { state: 'exited', reason: 'StartError', exitCode: 128, finishedAtMs: 5, message });
const stateOf = (message: string, seenFailing: string[] = []) =>
  withoutCutOffStarts([failed(message)], new Set(seenFailing)).map(({ state }) => state);

test('a start that ended with the agent that asked for it is no run', () => {
  expect(
    stateOf('failed to create containerd task: failed to start shim: start failed: : signal: killed: unknown'),
  ).toEqual(['created']);
  expect(stateOf('failed to start containerd task "app": context canceled: unknown')).toEqual(['created']);
});

test('a start that fails by itself, or that this agent saw failing, is one', () => {
  expect(stateOf('exec: "nonsense": executable file not found in $PATH: unknown')).toEqual(['exited']);
  expect(stateOf('context canceled: unknown', ['app'])).toEqual(['exited']);
});
