import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { Transcript } from './transcript.ts';

const dir = join(dirname(fileURLToPath(import.meta.url)), 'testdata');

/** Blocks of comments, a command, `----` and what it must print. RAFT_REWRITE=1 writes what it does print: review the diff. */
function rewrite(source: string): string {
  const transcript = new Transcript();
  return source
    .trim()
    .split(/\n\n+/)
    .map((block) => {
      const head = block.split('\n----')[0]!;
      const command = head.split('\n').filter((line) => !line.startsWith('#'));
      if (command.length === 0) return head;
      return `${head}\n----\n${transcript.run(command.join(' '))}`;
    })
    .join('\n\n')
    .concat('\n');
}

for (const name of readdirSync(dir)) {
  test(`transcript ${name} happens as written`, () => {
    const path = join(dir, name);
    const source = readFileSync(path, 'utf8');
    const actual = rewrite(source);
    if (process.env.RAFT_REWRITE === '1') writeFileSync(path, actual);
    else expect(actual).toBe(source);
  });
}
