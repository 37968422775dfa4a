/** How masters connect to each other: mutual TLS where the organization in the certificate, not the host name, says who may speak. */
import type { PeerCertificate } from 'node:tls';
import type * as grpc from '@grpc/grpc-js';
import type { TlsFiles } from '../../lib/grpc.ts';
import { type ReloadingCertificates, reloadingClientCredentials } from '../../lib/reloading-certificates.ts';

export type PeerTls = TlsFiles & { readonly peerOrganization: string };

/**
 * Of the messages in proto/trimast/raft/v1 and of the packs in them (entry-codec.ts). Version 1 had entries with a checksum over index
 * and term. Members of different versions refuse each other.
 */
export const protocolVersion = 2;

/** Largest stream message. A batch is flushed long before; a single entry must fit. */
export const maxStreamMessageBytes = 64 << 20;

/** A silent connection is asked for a sign of life after this time, and given up when none comes within as much again. */
export const keepaliveMs = 1_000;

/** Of the connections that bring snapshots. */
export const channelOptions: grpc.ChannelOptions = {
  'grpc.max_receive_message_length': maxStreamMessageBytes,
  'grpc.max_send_message_length': maxStreamMessageBytes,
  'grpc.keepalive_time_ms': keepaliveMs,
  'grpc.keepalive_timeout_ms': keepaliveMs,
  'grpc.keepalive_permit_without_calls': 1,
  // Every attempt has a connection of its own; the link decides when the next one comes.
  'grpc.use_local_subchannel_pool': 1,
  // TLS allows no address as server name, and ours need not be in the certificate (see peerCredentials).
  'grpc.ssl_target_name_override': 'trimast-master',
  'grpc.initial_reconnect_backoff_ms': 20,
  'grpc.max_reconnect_backoff_ms': 500,
  'grpc.enable_retries': 0,
  'grpc.service_config_disable_resolution': 1,
  'grpc.enable_http_proxy': 0,
};

/**
 * A member's address may change and need not be in its certificate: the certificate must come from our CA and name the organization.
 * Which member answers is checked in the first message of the stream.
 */
export function peerCredentials(
  certificates: ReloadingCertificates,
  peerOrganization: string,
): grpc.ChannelCredentials {
  return reloadingClientCredentials(certificates, (_host, certificate) =>
    wrongOrganization(certificate, peerOrganization),
  );
}

export function wrongOrganization(certificate: PeerCertificate, peerOrganization: string): Error | undefined {
  const organizations = [certificate.subject.O].flat();
  if (organizations.includes(peerOrganization)) return undefined;
  return new Error(`the peer's certificate has organization "${organizations}", not "${peerOrganization}"`);
}

/** What a member says of itself at the beginning of every stream. */
export interface Self {
  readonly clusterId: string;
  readonly memberId: number;
  readonly name: string;
  readonly address: string;
  /** Log index of the newest configuration that is known to be committed here. */
  configurationIndex: number;
}

export function helloTo(self: Self, to: number) {
  return {
    clusterId: self.clusterId,
    from: BigInt(self.memberId),
    to: BigInt(to),
    protocolVersion,
    name: self.name,
    address: self.address,
    configurationIndex: BigInt(self.configurationIndex),
  };
}
