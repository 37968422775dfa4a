/** The header of every answer: which cluster and member, the store's revision, the Raft term. */
import { createHash } from 'node:crypto';
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { ResponseHeaderSchema } from '../../gen/etcd/etcdserverpb/rpc_pb.ts';
import type { ProtoWriter } from '../../lib/lean-grpc/index.ts';
import type { Proposer } from '../../raft/types.ts';
import type { Store } from '../../store/types.ts';

const clusterIdBytes = 6;

/** etcd's cluster ids are numbers: the first 48 bits of the hash of ours. */
export function numericClusterId(clusterId: string): number {
  return createHash('sha256').update(clusterId).digest().readUIntBE(0, clusterIdBytes);
}

export class HeaderSource {
  readonly clusterId: number;
  readonly memberId: number;
  readonly #store: Pick<Store, 'revision'>;
  readonly #raft: Pick<Proposer<unknown>, 'leadership'>;

  constructor(
    clusterId: string,
    memberId: number,
    store: Pick<Store, 'revision'>,
    raft: Pick<Proposer<unknown>, 'leadership'>,
  ) {
    this.clusterId = numericClusterId(clusterId);
    this.memberId = memberId;
    this.#store = store;
    this.#raft = raft;
  }

  get term(): number {
    return this.#raft.leadership().term;
  }

  message(revision: number = this.#store.revision): MessageInitShape<typeof ResponseHeaderSchema> {
    return {
      clusterId: BigInt(this.clusterId),
      memberId: BigInt(this.memberId),
      revision: BigInt(revision),
      raftTerm: BigInt(this.term),
    };
  }

  /** As field 1 of an answer. */
  write(writer: ProtoWriter, revision: number): void {
    const start = writer.open(1);
    writer.number(1, this.clusterId);
    writer.number(2, this.memberId);
    writer.number(3, revision);
    writer.number(4, this.term);
    writer.close(start);
  }
}
