/** Who calls, by the certificate: a node, or another master. */
import { status } from '@grpc/grpc-js';
import { identities, type UserInfo } from '../apiserver/types.ts';
import { DispatchError } from './dispatch-error.ts';

export interface Subject {
  readonly commonName: string;
  readonly organizations: readonly string[];
}

/** @throws DispatchError PERMISSION_DENIED unless the caller is a node; returns the node's name */
export function requireNode(subject: Subject): string {
  const { nodeUserPrefix, nodesGroup } = identities;
  const name = subject.commonName.startsWith(nodeUserPrefix) ? subject.commonName.slice(nodeUserPrefix.length) : '';
  if (name !== '' && subject.organizations.includes(nodesGroup)) return name;
  throw new DispatchError(
    status.PERMISSION_DENIED,
    `"${subject.commonName}" is no node: the certificate must name "${nodeUserPrefix}NAME" in "${nodesGroup}"`,
  );
}

/** @throws DispatchError PERMISSION_DENIED unless the caller is a master */
export function requireMaster(subject: Subject): void {
  if (subject.organizations.includes(identities.peersOrganization)) return;
  throw new DispatchError(status.PERMISSION_DENIED, `"${subject.commonName}" is no master of this cluster`);
}

export function nodeUser(nodeName: string): UserInfo {
  return {
    name: `${identities.nodeUserPrefix}${nodeName}`,
    groups: [identities.nodesGroup, identities.authenticatedGroup],
  };
}
