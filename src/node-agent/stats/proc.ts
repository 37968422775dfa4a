/** Readers of /proc: the machine's memory and processes, and the traffic of a network namespace. */
import { readFile } from 'node:fs/promises';
import type { InterfaceStats } from './summary.ts';

export interface MachineMemory {
  readonly totalBytes: number;
  readonly usageBytes: number;
  readonly workingSetBytes: number;
  readonly availableBytes: number;
  readonly rssBytes: number;
}

export async function readMachineMemory(): Promise<MachineMemory> {
  return parseMeminfo(await readFile('/proc/meminfo', 'utf8'));
}

export function parseMeminfo(text: string): MachineMemory {
  const bytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)?.[1] ?? 0) * 1024;
  const totalBytes = bytes('MemTotal');
  const usageBytes = totalBytes - bytes('MemFree');
  const workingSetBytes = Math.max(0, usageBytes - bytes('Inactive\\(file\\)'));
  return {
    totalBytes,
    usageBytes,
    workingSetBytes,
    availableBytes: bytes('MemAvailable'),
    rssBytes: bytes('AnonPages'),
  };
}

/** Processes and threads of the machine, and how many there can be. */
export async function readProcesses(): Promise<{ current: number; max: number }> {
  const [loadavg, pidMax, threadsMax] = await Promise.all([
    readFile('/proc/loadavg', 'utf8'),
    readFile('/proc/sys/kernel/pid_max', 'utf8'),
    readFile('/proc/sys/kernel/threads-max', 'utf8'),
  ]);
  const current = Number(loadavg.split(' ')[3]?.split('/')[1] ?? 0);
  return { current, max: Math.min(Number(pidMax), Number(threadsMax)) };
}

/** Of the network namespace of a process; `self` for our own. Empty when it is gone. */
export async function readInterfaces(pid: number | 'self'): Promise<InterfaceStats[]> {
  return parseNetDev(await readFile(`/proc/${pid}/net/dev`, 'utf8').catch(() => ''));
}

/** Without the loopback. */
export function parseNetDev(text: string): InterfaceStats[] {
  return text.split('\n').flatMap((line) => {
    const [, name, rest] = /^\s*([^:\s]+):\s*(.*)$/.exec(line) ?? [];
    if (name === undefined || rest === undefined || name === 'lo') return [];
    const fields = rest.trim().split(/\s+/).map(Number);
    const [rxBytes = 0, , rxErrors = 0, , , , , , txBytes = 0, , txErrors = 0] = fields;
    return [{ name, rxBytes, rxErrors, txBytes, txErrors }];
  });
}
