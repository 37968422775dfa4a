/** Makes small ustar archives in memory, the same bytes for the same entries: owner 0:0, times 0, in the order given. */

const BLOCK_BYTES = 512;

export type TarEntry =
  | { readonly kind: 'file'; readonly name: string; readonly data: Uint8Array; readonly mode?: number }
  | { readonly kind: 'directory'; readonly name: string; readonly mode?: number }
  | { readonly kind: 'symlink'; readonly name: string; readonly target: string };

const TYPE = { file: '0', directory: '5', symlink: '2' } as const;
const DEFAULT_MODE = { file: 0o644, directory: 0o755, symlink: 0o777 } as const;

/** @throws Error for a name or link target that does not fit into ustar's 100 bytes. */
export function writeTar(entries: readonly TarEntry[]): Buffer {
  const parts: Uint8Array[] = [];
  for (const entry of entries) {
    const data = entry.kind === 'file' ? entry.data : new Uint8Array(0);
    parts.push(header(entry, data.length), data);
    const rest = data.length % BLOCK_BYTES;
    if (rest !== 0) parts.push(new Uint8Array(BLOCK_BYTES - rest));
  }
  parts.push(new Uint8Array(2 * BLOCK_BYTES));
  return Buffer.concat(parts);
}

function header(entry: TarEntry, sizeBytes: number): Buffer {
  const block = Buffer.alloc(BLOCK_BYTES);
  const name = entry.kind === 'directory' && !entry.name.endsWith('/') ? `${entry.name}/` : entry.name;
  put(block, 0, 100, name);
  put(
    block,
    100,
    8,
    octal(entry.kind === 'symlink' ? DEFAULT_MODE.symlink : (entry.mode ?? DEFAULT_MODE[entry.kind]), 7),
  );
  put(block, 108, 8, octal(0, 7));
  put(block, 116, 8, octal(0, 7));
  put(block, 124, 12, octal(sizeBytes, 11));
  put(block, 136, 12, octal(0, 11));
  put(block, 156, 1, TYPE[entry.kind]);
  if (entry.kind === 'symlink') put(block, 157, 100, entry.target);
  put(block, 257, 8, 'ustar\x0000');
  block.fill(0x20, 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  put(block, 148, 7, `${octal(sum, 6)}\0`);
  return block;
}

function put(block: Buffer, offset: number, length: number, value: string): void {
  if (Buffer.byteLength(value) > length)
    throw new Error(`"${value}" does not fit into ${length} bytes of a tar header`);
  block.write(value, offset);
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, '0');
}
