/** A disk whose fsync hangs: the Raft thread goes on ticking, sends heartbeats and gives leadership away. */
import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';

/** Syncs of files below the folder that the file $HANG_FILE names wait until that file is empty or gone. */
const shim = `
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
static void wait_while_hung(int fd) {
  const char *flag = getenv("HANG_FILE");
  char link[64], path[4096], hung[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t n = readlink(link, path, sizeof path - 1);
  if (!flag || n < 0) return;
  path[n] = 0;
  for (;;) {
    FILE *f = fopen(flag, "r");
    if (!f) return;
    size_t m = fread(hung, 1, sizeof hung - 1, f);
    fclose(f);
    hung[m] = 0;
    if (m == 0 || strncmp(path, hung, m) != 0) return;
    usleep(5000);
  }
}
int fsync(int fd) {
  wait_while_hung(fd);
  int (*next)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
  return next(fd);
}
int fdatasync(int fd) {
  wait_while_hung(fd);
  int (*next)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
  return next(fd);
}
`;

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'trimast-slow-disk-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

test('a leader whose fsync hangs still sends heartbeats and commits with the others, then hands over', async (context) => {
  const source = join(dir, 'shim.c');
  const library = join(dir, 'shim.so');
  writeFileSync(source, shim);
  try {
    execFileSync('cc', ['-shared', '-fPIC', '-O1', '-o', library, source, '-ldl'], { stdio: 'pipe' });
  } catch {
    return context.skip('needs a C compiler to make syncs hang');
  }
  const child = join(import.meta.dirname, 'testing', 'slow-disk-child.ts');
  const env = { ...process.env, LD_PRELOAD: library, HANG_FILE: join(dir, 'hang') };
  const { stdout } = await promisify(execFile)(process.execPath, [child], { env, timeout: 100_000 });
  const result = JSON.parse(stdout.trim().split('\n').at(-1)!) as Record<string, unknown>;
  expect(result.committedByHungLeader).toBeGreaterThan(0);
  expect(result).toMatchObject({
    handedOver: true,
    caughtUp: true,
    fatal: [],
  });
}, 120_000);
