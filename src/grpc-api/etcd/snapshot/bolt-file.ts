/**
 * Writes a bbolt database (the file format of etcd's storage) from start to end, so that it can be streamed. The sizes of all entries must be
 * known in advance: they decide which page everything lies on, and the first pages tell that. All numbers are little-endian.
 *
 *   file    = meta(0) meta(1) freelist pages*                         pages of 4096 bytes, numbered from 0
 *   page    = id (8) flags (2) count (2) overflow (4) content         overflow: pages that follow and belong to it
 *   meta    = magic (4) version (4) page size (4) flags (4) root bucket (16) freelist (8) pages (8) transaction (8) FNV-1a of it (8)
 *   branch  = element* key*       element = position (4) key size (4) page (8)
 *   leaf    = element* (key value)*  element = flags (4) position (4) key size (4) value size (4); position counts from the element
 *   bucket  = root page (8) sequence (8), as the value of an element with flag 1 in the root bucket
 *
 * Keys of a page ascend, and a branch names the first key of each page below.
 */

const pageBytes = 4_096;
const pageHeaderBytes = 16;
const elementBytes = 16;
const flags = { branch: 1, leaf: 2, meta: 4, freelist: 16 } as const;
const magic = 0xed0cdaed;
const version = 2;
const freelistPage = 2;
const firstContentPage = 3;
/** Pages are handed out together until there are this many bytes. */
const chunkBytes = 256 * 1024;

/** Entries in the order of their keys. */
export interface BoltBucket {
  readonly name: string;
  readonly count: number;
  key(index: number): Uint8Array;
  /** How long `value(index)` will be. */
  valueBytes(index: number): number;
  value(index: number): Uint8Array;
}

export interface BoltFile {
  readonly bytes: number;
  /** Its parts in order. To be read once. */
  readonly chunks: Iterable<Uint8Array>;
}

interface PagePlan {
  readonly id: number;
  /** Of the first entry, or of the first page below. */
  readonly start: number;
  readonly end: number;
  readonly pages: number;
}

interface BucketPlan {
  readonly bucket: BoltBucket;
  /** Leaves first, then each level of branches; the last level has one page. */
  readonly levels: readonly (readonly PagePlan[])[];
}

export function boltFile(buckets: readonly BoltBucket[], transactionId: number): BoltFile {
  let next = firstContentPage;
  const plans = buckets.map((bucket): BucketPlan => {
    const plan = planBucket(bucket, next);
    next = endOf(plan);
    return plan;
  });
  const root = planBucket(rootBucket(plans), next);
  const pageCount = endOf(root);
  function* pages(): Generator<Buffer> {
    yield metaPage(0, root.levels.at(-1)![0]!.id, pageCount, transactionId);
    yield metaPage(1, root.levels.at(-1)![0]!.id, pageCount, transactionId + 1);
    yield emptyPage({ id: freelistPage, start: 0, end: 0, pages: 1 }, flags.freelist);
    for (const plan of [...plans, root]) yield* bucketPages(plan, plan === root);
  }
  return { bytes: pageCount * pageBytes, chunks: joined(pages()) };
}

function planBucket(bucket: BoltBucket, firstPage: number): BucketPlan {
  const leaves = planLevel(
    bucket.count,
    (index) => elementBytes + bucket.key(index).length + bucket.valueBytes(index),
    firstPage,
  );
  const levels = [leaves];
  for (let level = leaves; level.length > 1; ) {
    const below = level;
    const last = below.at(-1)!;
    level = planLevel(
      below.length,
      (index) => elementBytes + firstKey(bucket, levels, levels.length - 1, index).length,
      last.id + last.pages,
    );
    levels.push(level);
  }
  return { bucket, levels };
}

/** Fills one page after the other; what is larger than a page has several for itself. */
function planLevel(count: number, bytesOf: (index: number) => number, firstPage: number): PagePlan[] {
  const plans: PagePlan[] = [];
  let id = firstPage;
  let start = 0;
  let used = pageHeaderBytes;
  const close = (end: number): void => {
    const pages = Math.ceil(used / pageBytes);
    plans.push({ id, start, end, pages });
    id += pages;
    start = end;
    used = pageHeaderBytes;
  };
  for (let index = 0; index < count; index++) {
    const bytes = bytesOf(index);
    if (index > start && used + bytes > pageBytes) close(index);
    used += bytes;
  }
  close(count);
  return plans;
}

function firstKey(
  bucket: BoltBucket,
  levels: readonly (readonly PagePlan[])[],
  level: number,
  page: number,
): Uint8Array {
  let index = page;
  for (let at = level; at >= 0; at--) index = levels[at]![index]!.start;
  return bucket.key(index);
}

function endOf({ levels }: BucketPlan): number {
  const last = levels.at(-1)!.at(-1)!;
  return last.id + last.pages;
}

function rootBucket(plans: readonly BucketPlan[]): BoltBucket {
  return {
    name: '',
    count: plans.length,
    key: (index) => Buffer.from(plans[index]!.bucket.name),
    valueBytes: () => 16,
    value(index) {
      const value = Buffer.alloc(16);
      value.writeBigUInt64LE(BigInt(plans[index]!.levels.at(-1)![0]!.id));
      return value;
    },
  };
}

function* bucketPages({ bucket, levels }: BucketPlan, ofBuckets: boolean): Generator<Buffer> {
  for (const plan of levels[0]!) yield leafPage(bucket, plan, ofBuckets);
  for (let level = 1; level < levels.length; level++)
    for (const plan of levels[level]!) yield branchPage(bucket, levels, level, plan);
}

function emptyPage(plan: PagePlan, flag: number): Buffer {
  const page = Buffer.alloc(plan.pages * pageBytes);
  page.writeBigUInt64LE(BigInt(plan.id), 0);
  page.writeUInt16LE(flag, 8);
  page.writeUInt16LE(plan.end - plan.start, 10);
  page.writeUInt32LE(plan.pages - 1, 12);
  return page;
}

function leafPage(bucket: BoltBucket, plan: PagePlan, ofBuckets: boolean): Buffer {
  const page = emptyPage(plan, flags.leaf);
  let element = pageHeaderBytes;
  let position = pageHeaderBytes + (plan.end - plan.start) * elementBytes;
  for (let index = plan.start; index < plan.end; index++) {
    const key = bucket.key(index);
    const value = bucket.value(index);
    page.writeUInt32LE(ofBuckets ? 1 : 0, element);
    page.writeUInt32LE(position - element, element + 4);
    page.writeUInt32LE(key.length, element + 8);
    page.writeUInt32LE(value.length, element + 12);
    page.set(key, position);
    page.set(value, position + key.length);
    element += elementBytes;
    position += key.length + value.length;
  }
  return page;
}

function branchPage(
  bucket: BoltBucket,
  levels: readonly (readonly PagePlan[])[],
  level: number,
  plan: PagePlan,
): Buffer {
  const page = emptyPage(plan, flags.branch);
  let element = pageHeaderBytes;
  let position = pageHeaderBytes + (plan.end - plan.start) * elementBytes;
  for (let index = plan.start; index < plan.end; index++) {
    const key = firstKey(bucket, levels, level - 1, index);
    page.writeUInt32LE(position - element, element);
    page.writeUInt32LE(key.length, element + 4);
    page.writeBigUInt64LE(BigInt(levels[level - 1]![index]!.id), element + 8);
    page.set(key, position);
    element += elementBytes;
    position += key.length;
  }
  return page;
}

/** There are two, so that one of them is always whole; the one with the higher transaction counts. */
function metaPage(id: number, rootPage: number, pageCount: number, transactionId: number): Buffer {
  const page = emptyPage({ id, start: 0, end: 0, pages: 1 }, flags.meta);
  const meta = page.subarray(pageHeaderBytes);
  meta.writeUInt32LE(magic, 0);
  meta.writeUInt32LE(version, 4);
  meta.writeUInt32LE(pageBytes, 8);
  meta.writeBigUInt64LE(BigInt(rootPage), 16);
  meta.writeBigUInt64LE(BigInt(freelistPage), 32);
  meta.writeBigUInt64LE(BigInt(pageCount), 40);
  meta.writeBigUInt64LE(BigInt(transactionId), 48);
  meta.writeBigUInt64LE(fnv1a(meta.subarray(0, 56)), 56);
  return page;
}

function fnv1a(bytes: Uint8Array): bigint {
  let hash = 0xcbf29ce484222325n;
  for (const byte of bytes) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  return hash;
}

function* joined(pages: Iterable<Buffer>): Generator<Uint8Array> {
  let parts: Buffer[] = [];
  let bytes = 0;
  for (const page of pages) {
    parts.push(page);
    bytes += page.length;
    if (bytes < chunkBytes) continue;
    yield Buffer.concat(parts);
    parts = [];
    bytes = 0;
  }
  if (bytes > 0) yield Buffer.concat(parts);
}
