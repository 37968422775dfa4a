/**
 * Imports an image archive into containerd through its gRPC API: blobs into the content store under a lease (so that garbage collection
 * leaves them alone until an image refers to them), then the images. Importing the same archive twice changes nothing.
 */
import { randomUUID } from 'node:crypto';
import * as grpc from '@grpc/grpc-js';
import { Content, WriteAction } from '../../gen/containerd/services/content/v1/content_pb.ts';
import { Images } from '../../gen/containerd/services/images/v1/images_pb.ts';
import { Leases } from '../../gen/containerd/services/leases/v1/leases_pb.ts';
import { ImageService } from '../../gen/runtime/v1/api_pb.ts';
import type { GrpcClient } from '../../lib/grpc.ts';
import { containerdClient, grpcCode } from '../runtime/containerd-client.ts';
import { type Blob, type Descriptor, type ImageArchive, openImageArchive } from './image-archive.ts';
import { normalizeReference } from './reference.ts';

/** The lease ends by itself should we die meanwhile. */
const LEASE_MS = 60 * 60_000;
const CALL_TIMEOUT_MS = 30_000;
/** containerd's CRI service takes note of a new image asynchronously, usually within milliseconds. */
const CRI_VISIBLE_TIMEOUT_MS = 5_000;
const CRI_VISIBLE_POLL_MS = 20;

/**
 * Imports every image of an OCI or Docker archive (gzipped or not) so that pods can use it, and returns the images' names.
 * `names` replaces the names in the archive; allowed only when the archive has one image.
 *
 * @throws Error when the archive is not readable, an image has no name, or containerd refuses.
 */
export async function importImage(
  containerdSocket: string,
  archiveFile: string,
  names?: readonly string[],
): Promise<string[]> {
  const archive = await openImageArchive(archiveFile);
  try {
    const wanted = chooseNames(archive, archiveFile, names);
    await underLease(containerdSocket, async (leaseId) => {
      const content = containerdClient(Content, containerdSocket, { leaseId });
      const images = containerdClient(Images, containerdSocket, { leaseId });
      try {
        for (const blob of archive.blobs) await storeBlob(content, archive, blob, leaseId);
        for (const image of wanted) await storeImage(images, image.name, image.target);
      } finally {
        content.close();
        images.close();
      }
    });
    await waitUntilVisible(
      containerdSocket,
      wanted.map((image) => image.name),
    );
    return wanted.map((image) => image.name);
  } finally {
    await archive.close();
  }
}

function chooseNames(
  archive: ImageArchive,
  file: string,
  names: readonly string[] | undefined,
): { name: string; target: Descriptor }[] {
  if (names && archive.images.length !== 1) {
    throw new Error(`"${file}" holds ${archive.images.length} images: names can be given only for an archive with one`);
  }
  return archive.images.flatMap((image) => {
    const chosen = names?.map(normalizeReference) ?? image.names;
    if (chosen.length === 0) throw new Error(`image ${image.target.digest} in "${file}" has no name: give one`);
    return chosen.map((name) => ({ name, target: image.target }));
  });
}

async function underLease(socket: string, work: (leaseId: string) => Promise<void>): Promise<void> {
  const leases = containerdClient(Leases, socket);
  const id = `trimast-import-${randomUUID()}`;
  try {
    const expire = new Date(Date.now() + LEASE_MS).toISOString();
    await leases.unary(
      Leases.method.create,
      { id, labels: { 'containerd.io/gc.expire': expire } },
      { deadline: Date.now() + CALL_TIMEOUT_MS },
    );
    try {
      await work(id);
    } finally {
      await leases.unary(Leases.method.delete, { id }, { deadline: Date.now() + CALL_TIMEOUT_MS });
    }
  } finally {
    leases.close();
  }
}

async function storeBlob(
  content: GrpcClient<typeof Content>,
  archive: ImageArchive,
  blob: Blob,
  leaseId: string,
): Promise<void> {
  const { digest, size } = blob.descriptor;
  const ref = `${leaseId}-${digest}`;
  const stream = content.bidiStream(Content.method.write);
  const answers = stream[Symbol.asyncIterator]();
  try {
    stream.write({ action: WriteAction.STAT, ref, total: BigInt(size), expected: digest });
    let offset = Number((await nextAnswer(answers, digest)).offset);
    for await (const data of archive.read(blob, offset)) {
      stream.write({
        action: WriteAction.WRITE,
        ref,
        total: BigInt(size),
        expected: digest,
        offset: BigInt(offset),
        data,
      });
      offset = Number((await nextAnswer(answers, digest)).offset);
    }
    stream.write({
      action: WriteAction.COMMIT,
      ref,
      total: BigInt(size),
      expected: digest,
      offset: BigInt(offset),
      labels: blob.gcLabels,
    });
    await nextAnswer(answers, digest);
    stream.end();
  } catch (error) {
    stream.cancel();
    if (grpcCode(error) !== grpc.status.ALREADY_EXISTS) throw error;
    await label(content, blob);
  }
}

async function nextAnswer<T>(answers: AsyncIterator<T>, digest: string): Promise<T> {
  const answer = await answers.next();
  if (answer.done) throw new Error(`containerd ended the upload of ${digest} early`);
  return answer.value;
}

/** A blob that was there already may lack the labels that keep its children. */
async function label(content: GrpcClient<typeof Content>, blob: Blob): Promise<void> {
  const keys = Object.keys(blob.gcLabels);
  if (keys.length === 0) return;
  await content.unary(
    Content.method.update,
    {
      info: { digest: blob.descriptor.digest, labels: blob.gcLabels },
      updateMask: { paths: keys.map((key) => `labels.${key}`) },
    },
    { deadline: Date.now() + CALL_TIMEOUT_MS },
  );
}

async function storeImage(images: GrpcClient<typeof Images>, name: string, target: Descriptor): Promise<void> {
  const { mediaType, digest } = target;
  const image = {
    name,
    labels: { 'io.cri-containerd.image': 'managed' },
    target: { mediaType, digest, size: BigInt(target.size) },
  };
  const deadline = Date.now() + CALL_TIMEOUT_MS;
  try {
    await images.unary(Images.method.create, { image }, { deadline });
  } catch (error) {
    if (grpcCode(error) !== grpc.status.ALREADY_EXISTS) throw error;
    await images.unary(Images.method.update, { image }, { deadline });
  }
}

/** Until the CRI service knows the images, a pod that uses them would try to pull. */
async function waitUntilVisible(socket: string, names: readonly string[]): Promise<void> {
  const cri = containerdClient(ImageService, socket);
  const deadline = Date.now() + CRI_VISIBLE_TIMEOUT_MS;
  try {
    for (const image of names) {
      for (;;) {
        const status = await cri.unary(ImageService.method.imageStatus, { image: { image } }, { deadline });
        if (status.image) break;
        await new Promise((resolve) => setTimeout(resolve, CRI_VISIBLE_POLL_MS));
      }
    }
  } catch (error) {
    if (grpcCode(error) === grpc.status.UNIMPLEMENTED) return;
    throw new Error(`containerd stored ${names.join(', ')} but its CRI service does not see them`, { cause: error });
  } finally {
    cri.close();
  }
}
