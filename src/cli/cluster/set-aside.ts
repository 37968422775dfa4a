/** Old data is never deleted by a repair: it is moved beside the folder, under a name that says when and why. */
import { existsSync, renameSync } from 'node:fs';

/** Returns the new path; undefined when there was nothing. */
export function setAside(folder: string, why: string): string | undefined {
  if (!existsSync(folder)) return undefined;
  const time = new Date().toISOString().replace(/[-:]/g, '').replace(/\.\d+/, '');
  for (let count = 1; ; count++) {
    const aside = `${folder}.${why}-${time}${count === 1 ? '' : `-${count}`}`;
    if (existsSync(aside)) continue;
    renameSync(folder, aside);
    return aside;
  }
}
