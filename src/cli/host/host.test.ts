import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withLock } from '../cluster/lock.ts';
import { removePidFile, runningProcess, writePidFile } from '../members/pid-file.ts';
import { mountsBelow } from './mounts.ts';
import { findProcesses, inspectProcess, isAlive, parseProcStat, signalProcess, waitForExit } from './processes.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'trimast-host-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function startSleeper(): Promise<{ pid: number; end: () => Promise<void> }> {
  const child = spawn('sleep', ['300'], { stdio: 'ignore' });
  await new Promise((resolve) => child.once('spawn', resolve));
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  return {
    pid: child.pid!,
    end: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

describe('runningProcess', () => {
  it('finds the process that was recorded, until it ends', async () => {
    const sleeper = await startSleeper();
    writePidFile(folder, 'm', inspectProcess(sleeper.pid)!);
    expect(runningProcess(folder, 'm')).toMatchObject({ pid: sleeper.pid, state: 'running' });
    await sleeper.end();
    expect(runningProcess(folder, 'm')).toBeUndefined();
  });

  it('does not take a recycled pid for the member', async () => {
    const sleeper = await startSleeper();
    const { startTime } = inspectProcess(sleeper.pid)!;
    writePidFile(folder, 'm', { pid: sleeper.pid, startTime: `${startTime}0` });
    expect(runningProcess(folder, 'm')).toBeUndefined();
    expect(signalProcess({ pid: sleeper.pid, startTime: 'other' }, 'SIGKILL')).toBe(false);
    expect(inspectProcess(sleeper.pid)).toBeDefined();
    await sleeper.end();
  });

  it('says that a member does not run when its file is missing or damaged', () => {
    expect(runningProcess(folder, 'none')).toBeUndefined();
    writeFileSync(join(folder, 'broken.pid'), '{"pid":');
    expect(runningProcess(folder, 'broken')).toBeUndefined();
    removePidFile(folder, 'none');
  });

  it('tells a paused process from a running one', async () => {
    const sleeper = await startSleeper();
    const identity = inspectProcess(sleeper.pid)!;
    writePidFile(folder, 'p', identity);
    signalProcess(identity, 'SIGSTOP');
    while (inspectProcess(sleeper.pid)?.state !== 'paused') await new Promise((resolve) => setImmediate(resolve));
    expect(runningProcess(folder, 'p')?.state).toBe('paused');
    await sleeper.end();
  });
});

describe('waitForExit', () => {
  it('resolves true for a process that has ended and false for one that goes on', async () => {
    const sleeper = await startSleeper();
    const identity = inspectProcess(sleeper.pid)!;
    expect(await waitForExit(identity, 1)).toBe(false);
    await sleeper.end();
    expect(await waitForExit(identity, 1)).toBe(true);
    expect(isAlive(identity)).toBe(false);
  });
});

describe('parseProcStat', () => {
  const line = (state: string, threads: number) =>
    `4711 (node (x) y) ${state} 1 4711 4711 0 -1 4194560 9 0 1 0 5 6 0 0 20 0 ${threads} 0 8271 0 0 18446744073709551615 0 0`;

  it('tells a process that is being killed and waits for its disk from its corpse', () => {
    expect(parseProcStat(line('Z', 2))).toEqual({ state: 'ending', startTicks: '8271' });
    expect(parseProcStat(line('Z', 1))).toBeUndefined();
    expect(parseProcStat(line('S', 12))).toEqual({ state: 'running', startTicks: '8271' });
    expect(parseProcStat(line('T', 12))).toEqual({ state: 'paused', startTicks: '8271' });
  });
});

describe.runIf(process.platform === 'linux')('findProcesses', () => {
  it('finds processes by their arguments', async () => {
    const sleeper = await startSleeper();
    const pids = findProcesses((args) => args[0] === 'sleep' && args[1] === '300').map((found) => found.pid);
    expect(pids).toContain(sleeper.pid);
    await sleeper.end();
  });
});

describe('withLock', () => {
  it('lets one action run at a time', async () => {
    const file = join(folder, 'lock');
    let inside = 0;
    let most = 0;
    const action = () =>
      withLock(file, async () => {
        inside++;
        most = Math.max(most, inside);
        await new Promise((resolve) => setImmediate(resolve));
        inside--;
      });
    await Promise.all([action(), action(), action()]);
    expect(most).toBe(1);
  });

  it('takes over from a holder that was killed, and frees the lock after a failure', async () => {
    const file = join(folder, 'stale');
    writeFileSync(file, JSON.stringify({ pid: process.pid, startTime: 'another life' }));
    await expect(withLock(file, () => Promise.reject(new Error('inside')))).rejects.toThrow('inside');
    expect(await withLock(file, () => Promise.resolve('free'))).toBe('free');
  });
});

describe('mountsBelow', () => {
  it('lists what lies below, latest first, and nothing beside it', () => {
    const mountinfo = [
      '1 0 0:1 / / rw - ext4 /dev/vda rw',
      '2 1 0:2 / /srv/a rw - tmpfs tmpfs rw',
      '3 2 0:3 / /srv/a/b\\040c rw - tmpfs tmpfs rw',
      '4 1 0:4 / /srv/ab rw - tmpfs tmpfs rw',
      '',
    ].join('\n');
    expect(mountsBelow(mountinfo, ['/srv/a'])).toEqual(['/srv/a/b c', '/srv/a']);
  });
});
