/** Tells when a configuration file has other content than before. Looks, instead of being told: that works on every file system. */
import { unwatchFile, watchFile } from 'node:fs';

const intervalMs = 1_000;

/** `changed` gets what `read` gives; a file that cannot be read now is looked at again later. */
export function watchConfig<T>(file: string, read: () => T, changed: (config: T) => void): () => void {
  let last = JSON.stringify(read());
  const listener = () => {
    let config: T;
    try {
      config = read();
    } catch {
      return;
    }
    const text = JSON.stringify(config);
    if (text === last) return;
    last = text;
    changed(config);
  };
  watchFile(file, { interval: intervalMs, persistent: false }, listener);
  return () => unwatchFile(file, listener);
}
