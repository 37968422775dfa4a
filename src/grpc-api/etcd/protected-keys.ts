/**
 * Kubernetes objects live in the same key space, where everyone may read and watch them. Writing them past the Kubernetes API would
 * skip its rules, so this interface refuses it.
 */

import { GrpcError, grpcStatus } from '../../lib/lean-grpc/index.ts';
import type { KeyRange, Operation, Transaction } from '../../store/types.ts';

/** Objects of the Kubernetes API, and what masters keep for themselves. Each ends with a slash. */
export const protectedPrefixes: readonly string[] = ['/registry/', '/trimast/'];

export function protectedPrefixOf(range: KeyRange): string | undefined {
  // What most keys of users begin with.
  if (range.end === undefined && range.key.charCodeAt(0) !== 0x2f) return undefined;
  return protectedPrefixes.find((prefix) => overlaps(range, prefix));
}

function overlaps({ key, end }: KeyRange, prefix: string): boolean {
  if (end === undefined) return key.startsWith(prefix);
  const afterPrefix = `${prefix.slice(0, -1)}0`;
  return key < afterPrefix && (end === '' || end > prefix) && (end === '' || key < end);
}

/** @throws GrpcError PERMISSION_DENIED */
export function refuseProtected(operations: readonly Operation[]): void {
  for (const operation of operations) {
    if (operation.type === 'range') continue;
    if (operation.type === 'transaction') refuseProtectedTransaction(operation.transaction);
    else refuseProtectedRange(operation.type === 'put' ? { key: operation.key } : operation);
  }
}

export function refuseProtectedTransaction({ success, failure }: Transaction): void {
  refuseProtected(success);
  if (failure) refuseProtected(failure);
}

/** @throws GrpcError PERMISSION_DENIED */
export function refuseProtectedRange(range: KeyRange): void {
  const prefix = protectedPrefixOf(range);
  if (prefix !== undefined) throw new GrpcError(grpcStatus.permissionDenied, protectionMessage(prefix));
}

export function protectionMessage(prefix: string): string {
  return prefix === '/registry/'
    ? 'etcdserver: permission denied: keys under /registry/ are Kubernetes objects; change them through the Kubernetes API (kubectl), and keep other keys and ranges outside of this prefix'
    : `etcdserver: permission denied: keys under ${prefix} are the masters' own; keep other keys and ranges outside of this prefix`;
}
