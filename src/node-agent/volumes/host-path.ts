/** hostPath volumes: the folder or file of the host, checked or made according to its type. */
import { mkdir, open, stat } from 'node:fs/promises';
import type { HostPathVolumeSource } from '../../api/generated/types/core-v1.ts';

/** @throws Error when what is there does not fit the type. */
export async function prepareHostPath(source: HostPathVolumeSource): Promise<string> {
  const { path } = source;
  const type = source.type ?? '';
  if (type === 'DirectoryOrCreate') await mkdir(path, { recursive: true, mode: 0o755 });
  if (type === 'FileOrCreate') {
    const file = await open(path, 'a', 0o644);
    await file.close();
  }
  // Without a type nothing is checked, but a missing path becomes a folder, as container runtimes do.
  if (type === '') {
    if (!(await stat(path).catch(() => undefined))) await mkdir(path, { recursive: true, mode: 0o755 });
    return path;
  }
  const found = await stat(path).catch(() => undefined);
  const fits =
    found &&
    ((type.startsWith('Directory') && found.isDirectory()) ||
      (type.startsWith('File') && found.isFile()) ||
      (type === 'Socket' && found.isSocket()) ||
      (type === 'CharDevice' && found.isCharacterDevice()) ||
      (type === 'BlockDevice' && found.isBlockDevice()));
  if (!fits) throw new Error(`hostPath type check failed: ${path} is not a ${type}`);
  return path;
}
