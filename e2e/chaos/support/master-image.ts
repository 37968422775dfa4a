/** An image with nothing in it but Node.js, the libraries that it is linked against, and this repository's program. Nothing is pulled. */
import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { GenericContainer } from 'testcontainers';

const root = resolve(import.meta.dirname, '../../..');
/** Loaded by the C library at run time, so that ldd does not tell of them. */
const nameServiceLibraries = ['libnss_files.so.2', 'libnss_dns.so.2', 'libresolv.so.2'];

export const masterCommand = [
  '/usr/bin/node',
  '--disable-warning=ExperimentalWarning',
  '/trimast/src/cli/main.ts',
  'master',
];

/** Builds the image under `tag`. */
export async function buildMasterImage(tag: string): Promise<void> {
  const context = mkdtempSync(join(tmpdir(), 'trimast-image-'));
  try {
    const files = join(context, 'root');
    copyProgram(join(files, 'trimast'));
    copyNode(files);
    for (const folder of ['tmp', 'etc']) mkdirSync(join(files, folder), { recursive: true });
    writeFileSync(join(context, 'Dockerfile'), 'FROM scratch\nCOPY root /\n');
    await GenericContainer.fromDockerfile(context).build(tag, { deleteOnExit: false });
  } finally {
    rmSync(context, { recursive: true, force: true });
  }
}

function copyNode(files: string): void {
  const node = realpathSync(process.execPath);
  place(node, join(files, 'usr/bin/node'));
  const linked = execFileSync('ldd', [node], { encoding: 'utf8' });
  const libraries = [...linked.matchAll(/(\/\S+) \(0x/g)].map((match) => match[1]!);
  for (const library of libraries) place(realpathSync(library), join(files, library));
  const folder = dirname(libraries.find((library) => basename(library).startsWith('libc.so'))!);
  for (const name of nameServiceLibraries) {
    const library = join(folder, name);
    if (existsSync(library)) place(realpathSync(library), join(files, library));
  }
}

/** Sources, and the packages that they need at run time. */
function copyProgram(target: string): void {
  mkdirSync(target, { recursive: true });
  cpSync(join(root, 'package.json'), join(target, 'package.json'));
  cpSync(join(root, 'src'), join(target, 'src'), { recursive: true });
  for (const folder of runtimePackages()) {
    // A package's own node_modules are listed by themselves.
    const filter = (source: string) => !source.startsWith(join(root, folder, 'node_modules'));
    cpSync(join(root, folder), join(target, folder), { recursive: true, filter });
  }
  removeForeignBinaries(join(target, 'node_modules'));
}

/** Folders such as `node_modules/pino`, as the lock file has them. */
function runtimePackages(): string[] {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { dev?: boolean; optional?: boolean; devOptional?: boolean }>;
  };
  const needed = Object.entries(packages).filter(
    ([folder, { dev, optional, devOptional }]) => folder !== '' && !dev && !optional && !devOptional,
  );
  return needed.map(([folder]) => folder).filter((folder) => existsSync(join(root, folder)));
}

/** Libraries for other platforms and sources in C++ are most of the size. */
function removeForeignBinaries(modules: string): void {
  const rocksdb = join(modules, '@nxtedition/rocksdb');
  const ours = `${process.platform}-${process.arch}`;
  const foreign = readdirSync(join(rocksdb, 'prebuilds')).filter((platform) => platform !== ours);
  for (const name of ['deps', 'prebuilds.zip', ...foreign.map((platform) => `prebuilds/${platform}`)])
    rmSync(join(rocksdb, name), { recursive: true, force: true });
}

/** A link where that is possible: Node.js alone has 150 MB. */
function place(source: string, target: string): void {
  mkdirSync(dirname(target), { recursive: true });
  if (existsSync(target)) return;
  try {
    linkSync(source, target);
  } catch {
    cpSync(source, target);
  }
}
