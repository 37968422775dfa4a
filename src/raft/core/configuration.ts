/**
 * Who takes part, as a value: the first configuration, its bytes, and what is asked of it.
 *
 * Bytes, version 1: UTF-8 JSON `{"version":1,"members":[{"id","name","address","promote"?,"replaces"?}],"incoming":[id],"outgoing":[id],
 * "learners":[id]}`. They are the command of a `configuration` entry and part of every snapshot's description. Fields that a reader does
 * not know are left out; a version that it does not know is an error.
 */
import { assert } from '../../lib/assert.ts';
import type { Configuration, Member } from './types.ts';

const formatVersion = 1;
/** Voters and learners together. */
export const maxMembers = 15;

/** Of a member that was started to join and has heard of no cluster yet. */
export const emptyConfiguration: Configuration = { members: [], incoming: [], outgoing: [], learners: [] };

/** All of them vote. */
export function initialConfiguration(members: readonly Pick<Member, 'id' | 'name' | 'address'>[]): Configuration {
  const sorted = members
    .map(({ id, name, address }): Member => ({ id, name, address }))
    .sort((one, other) => one.id - other.id);
  return { members: sorted, incoming: sorted.map(({ id }) => id), outgoing: [], learners: [] };
}

export function isJoint(configuration: Configuration): boolean {
  return configuration.outgoing.length > 0;
}

export function memberOf(configuration: Configuration, id: number): Member | undefined {
  return configuration.members.find((member) => member.id === id);
}

export function encodeConfiguration(configuration: Configuration): Uint8Array {
  return new TextEncoder().encode(JSON.stringify({ version: formatVersion, ...configuration }));
}

/** @throws Error saying what is wrong with the bytes. */
export function decodeConfiguration(bytes: Uint8Array): Configuration {
  const { version, members, incoming, outgoing, learners } = JSON.parse(new TextDecoder().decode(bytes)) as {
    version: number;
  } & Configuration;
  if (version !== formatVersion)
    throw new Error(`a configuration has format version ${version}, this program knows ${formatVersion}`);
  const configuration: Configuration = { members, incoming, outgoing, learners };
  assertConsistent(configuration);
  return configuration;
}

export function assertConsistent({ members, incoming, outgoing, learners }: Configuration): void {
  const named = new Set([...incoming, ...outgoing, ...learners]);
  const described = new Set(members.map(({ id }) => id));
  const consistent =
    described.size === members.length &&
    named.size === described.size &&
    members.every(({ id }) => named.has(id)) &&
    learners.every((id) => !incoming.includes(id) && !outgoing.includes(id));
  assert(consistent, 'a configuration contradicts itself', { members, incoming, outgoing, learners });
}
