/** Tokens that nodes ask for on behalf of their pods. Which accounts a node may speak for is decided where every token is asked for. */
import type { UserInfo } from '../apiserver/types.ts';
import type { IssueTokenRequest } from '../gen/trimast/dispatcher/v1/dispatcher_pb.ts';
import { peerSubject } from '../lib/grpc.ts';
import { nodeUser, requireNode } from './identity.ts';

export interface PodTokenRequest {
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly pod: { readonly name: string; readonly uid: string };
  /** Undefined: this cluster's API. */
  readonly audience: string | undefined;
  readonly expirationSeconds: number;
}

export interface PodToken {
  readonly token: string;
  readonly expiresAtMs: number;
}

type Call = Parameters<typeof peerSubject>[0] & { readonly request: IssueTokenRequest };

/** @throws DispatchError, ApiError */
export async function answerTokenRequest(
  call: Call,
  issue: (user: UserInfo, request: PodTokenRequest) => Promise<PodToken>,
): Promise<{ token: string; expiresAtMs: bigint }> {
  const node = requireNode(peerSubject(call));
  const { namespace, serviceAccount, podName, podUid, audience, expirationSeconds } = call.request;
  const { token, expiresAtMs } = await issue(nodeUser(node), {
    namespace,
    serviceAccount,
    pod: { name: podName, uid: podUid },
    audience: audience || undefined,
    expirationSeconds: Number(expirationSeconds),
  });
  return { token, expiresAtMs: BigInt(expiresAtMs) };
}
