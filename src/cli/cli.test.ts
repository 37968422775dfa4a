import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeError } from './cli-error.ts';
import { ClusterPaths, mainScript } from './cluster/paths.ts';
import { planCluster } from './cluster/topology.ts';
import { renderStatus } from './commands/status.ts';
import { readConfigFile } from './config-file.ts';
import { lastLines } from './members/log-tail.ts';
import { readable } from './members/member-failure.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'trimast-cli-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function trimast(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [mainScript, ...args], { cwd: folder }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr });
    });
  });
}

describe('trimast', () => {
  it('ends with 2 and a hint for a command or an option that does not exist', async () => {
    const [command, option] = await Promise.all([trimast('frobnicate'), trimast('up', '--masters', 'many')]);
    expect(command.code).toBe(2);
    expect(command.stderr).toContain('frobnicate');
    expect(option.code).toBe(2);
    expect(option.stderr).toContain('whole number');
  });

  it('says where it looked when there is no cluster; down has nothing to do', async () => {
    const [status, down] = await Promise.all([trimast('status', '--dir', folder), trimast('down', '--dir', folder)]);
    expect(status.code).toBe(1);
    expect(status.stderr).toContain(new ClusterPaths(folder).dir);
    expect(status.stderr).toContain('trimast up');
    expect(down.code).toBe(0);
  });

  it('lists the members when none has the name, and reports them as down', async () => {
    const dir = mkdtempSync(join(folder, 'c-'));
    const paths = new ClusterPaths(dir);
    const shape = { masters: 1, workers: 1, hollow: 0, runtime: 'hollow', occupied: [] } as const;
    writeFileSync(paths.clusterFile, JSON.stringify(planCluster({ hash: paths.hash, ...shape })));
    const kill = await trimast('kill', 'master-9', '--dir', dir);
    expect(kill.code).toBe(2);
    expect(kill.stderr).toMatch(/master-9.*Members: lb, master-1, worker-1/);
  });

  it('refuses a configuration by file and field', async () => {
    const file = join(folder, 'lb.json');
    writeFileSync(file, '{"listen":"127.0.0.1:0","backends":[]}');
    const result = await trimast('lb', '--config', file);
    expect(result.code).toBe(2);
    expect(result.stderr).toContain(file);
    expect(result.stderr).toContain('tls.caFile');
  });
});

describe('readConfigFile', () => {
  it('makes paths absolute, relative to the file', () => {
    const file = join(folder, 'config.json');
    writeFileSync(file, '{"tls":{"caFile":"pki/ca.crt","keyFile":"/abs/key"},"name":"pki"}');
    const config = readConfigFile(file, { required: ['name'], paths: ['tls.caFile', 'tls.keyFile', 'no.such'] });
    expect(config).toEqual({ tls: { caFile: join(folder, 'pki/ca.crt'), keyFile: '/abs/key' }, name: 'pki' });
  });

  it('names the file when it is no JSON object', () => {
    const file = join(folder, 'wrong.json');
    writeFileSync(file, '[]');
    expect(() => readConfigFile(file, { required: [], paths: [] })).toThrow(file);
  });
});

describe('lastLines', () => {
  it('gives the last lines of a log that is larger than what it reads', () => {
    const file = join(folder, 'big.log');
    const lines = Array.from({ length: 20_000 }, (_, index) => `line ${index}`);
    writeFileSync(file, `${lines.join('\n')}\n`);
    expect(lastLines(file, 2)).toEqual(['line 19998', 'line 19999']);
    expect(lastLines(join(folder, 'none.log'), 2)).toEqual([]);
  });
});

describe('readable', () => {
  it('turns a structured line into text and leaves others alone', () => {
    const line = '{"level":50,"time":0,"component":"raft","term":3,"msg":"disk is full"}';
    expect(readable(line)).toBe('00:00:00.000 error raft: disk is full {"term":3}');
    expect(readable('Error: plain')).toBe('Error: plain');
    expect(readable('{broken')).toBe('{broken');
  });
});

describe('describeError', () => {
  it('tells the whole chain of causes once', () => {
    const error = new Error('start x', { cause: new Error('listen', { cause: new Error('EADDRINUSE') }) });
    expect(describeError(error)).toBe('start x: listen: EADDRINUSE');
  });
});

describe('renderStatus', () => {
  it('shows who leads, and a dash for what is not known', () => {
    const text = renderStatus({
      id: 'abc123',
      dir: '/d',
      kubeconfig: '/d/kubeconfig',
      members: [
        {
          name: 'master-1',
          kind: 'master',
          state: 'running',
          pid: 7,
          address: '10.0.0.11',
          ports: { api: 6443 },
          leader: true,
          role: 'leader',
          term: 4,
          appliedRevision: 99,
        },
        { name: 'worker-1', kind: 'agent', state: 'down', address: '10.0.0.101', ports: {} },
      ],
    });
    expect(text).toMatch(/master-1 +master +running +7 +10\.0\.0\.11 +api:6443 +leader +4 +99\n/);
    expect(text).toMatch(/worker-1 +agent +down +- /);
    expect(text).toContain('/d/kubeconfig');
  });
});
