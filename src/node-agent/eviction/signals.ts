/** What this machine has left, from the machine itself. */
import { fileSystemUsage } from '../stats/disk-usage.ts';
import { readMachineMemory, readProcesses } from '../stats/proc.ts';
import type { Signal } from './thresholds.ts';

/** `imagePath`: a path in the file system of images, where it is another one than that of `dataDir`; its absence is no error. */
export async function readSignals(dataDir: string, imagePath: string | undefined): Promise<Signal[]> {
  const [memory, disk, processes] = await Promise.all([readMachineMemory(), fileSystemUsage(dataDir), readProcesses()]);
  const images = imagePath === undefined ? undefined : await fileSystemUsage(imagePath).catch(() => undefined);
  const fileSystem = (name: 'nodefs' | 'imagefs', of: typeof disk): Signal[] => [
    { name: `${name}.available`, available: of.availableBytes, capacity: of.capacityBytes },
    { name: `${name}.inodesFree`, available: of.inodesFree, capacity: of.inodes },
  ];
  return [
    { name: 'memory.available', available: memory.availableBytes, capacity: memory.totalBytes },
    ...fileSystem('nodefs', disk),
    ...(images ? fileSystem('imagefs', images) : []),
    { name: 'pid.available', available: processes.max - processes.current, capacity: processes.max },
  ];
}
