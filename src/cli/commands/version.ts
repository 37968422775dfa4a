/** `trimast version`: our own version, and what we run on. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '../cluster/paths.ts';

export function version(): void {
  const { version: own } = JSON.parse(readFileSync(join(repositoryRoot, 'package.json'), 'utf8')) as {
    version: string;
  };
  process.stdout.write(`trimast ${own}\nNode.js ${process.version} on ${process.platform} ${process.arch}\n`);
}
