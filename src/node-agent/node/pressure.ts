/** Whether the machine is short of memory, disk or process ids, by kubelet's default thresholds. */
import { readFile, statfs } from 'node:fs/promises';

const MIN_MEMORY_BYTES = 100 * 1024 * 1024;
const MIN_DISK_FRACTION = 0.1;
const MIN_INODE_FRACTION = 0.05;
const MIN_PID_FRACTION = 0.1;

export interface Pressure {
  readonly memoryPressure: boolean;
  readonly diskPressure: boolean;
  readonly pidPressure: boolean;
}

export const NO_PRESSURE: Pressure = { memoryPressure: false, diskPressure: false, pidPressure: false };

export async function readPressure(dataDir: string): Promise<Pressure> {
  const [memory, disk, loadavg, pidMax] = await Promise.all([
    readFile('/proc/meminfo', 'utf8'),
    statfs(dataDir),
    readFile('/proc/loadavg', 'utf8'),
    readFile('/proc/sys/kernel/pid_max', 'utf8'),
  ]);
  const availableKib = Number(/^MemAvailable:\s+(\d+)/m.exec(memory)?.[1] ?? Number.NaN);
  const processes = Number(loadavg.split(' ')[3]?.split('/')[1] ?? 0);
  const freeInodes = disk.files === 0 ? 1 : disk.ffree / disk.files;
  return {
    memoryPressure: availableKib * 1024 < MIN_MEMORY_BYTES,
    diskPressure: disk.bavail / disk.blocks < MIN_DISK_FRACTION || freeInodes < MIN_INODE_FRACTION,
    pidPressure: 1 - processes / Number(pidMax) < MIN_PID_FRACTION,
  };
}
