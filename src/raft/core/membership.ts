/**
 * Which configuration a change leads to, or why it must not happen (Raft dissertation, chapter 4). Pure: the leader gives what it knows.
 *
 * A change that moves no majority (learners, addresses) is one entry. One that does goes through a joint configuration, whose decisions
 * need a majority of the old and of the new voters (section 4.3); the leader leaves it as soon as it is committed.
 */
import { isJoint, maxMembers, memberOf } from './configuration.ts';
import type { Configuration, Member, MembershipChange } from './types.ts';

/** What the leader knows of a member. */
export interface MemberState {
  /** It answered within an election timeout. */
  readonly active: boolean;
  /** It gets entries as fast as they are written (section 4.2.1). */
  readonly caughtUp: boolean;
}

export interface MembershipView {
  readonly configuration: Configuration;
  readonly state: (id: number) => MemberState;
}

export type ChangePlan =
  | { readonly ok: true; readonly configuration: Configuration }
  | { readonly ok: false; readonly message: string };

const refuse = (message: string): ChangePlan => ({ ok: false, message });

export function planChange(view: MembershipView, change: MembershipChange): ChangePlan {
  const { configuration } = view;
  if (isJoint(configuration)) return refuse('another membership change is under way: try again when it is done');
  switch (change.type) {
    case 'add-learner':
      return planAdd(configuration, { ...peerOf(change.member), ...(change.promote ? { promote: true } : {}) });
    case 'promote':
      return planPromote(view, change.id);
    case 'remove':
      return planRemove(view, change.id);
    case 'replace':
      return planReplace(configuration, change.id, change.by);
    case 'update-address':
      return planAddress(configuration, change.id, change.address);
  }
}

/** Undefined: it is not joint. */
export function leaveJoint(configuration: Configuration): Configuration | undefined {
  if (!isJoint(configuration)) return undefined;
  const { members, incoming, learners } = configuration;
  return {
    members: members.filter(({ id }) => incoming.includes(id) || learners.includes(id)),
    incoming,
    outgoing: [],
    learners,
  };
}

function planAdd(configuration: Configuration, member: Member): ChangePlan {
  const { members, learners } = configuration;
  if (!Number.isSafeInteger(member.id) || member.id <= 0)
    return refuse(`"${member.id}" is no member id: it must be a whole number above 0`);
  if (memberOf(configuration, member.id)) return refuse(`member ${member.id} is already a member`);
  const taken = sameNameOrAddress(members, member);
  if (taken) return refuse(taken);
  if (members.length >= maxMembers) return refuse(`the cluster has ${maxMembers} members, which is the limit`);
  return {
    ok: true,
    configuration: { ...configuration, members: sorted([...members, member]), learners: [...learners, member.id] },
  };
}

function planPromote(view: MembershipView, id: number): ChangePlan {
  const { configuration } = view;
  if (!memberOf(configuration, id)) return refuse(unknownMember(configuration, id));
  if (!configuration.learners.includes(id)) return refuse(`member ${id} is already a voter`);
  const behind = notCaughtUp(view, id);
  if (behind) return refuse(behind);
  const replaced = memberOf(configuration, id)!.replaces;
  const left = replaced !== undefined && configuration.incoming.includes(replaced) ? replaced : undefined;
  const incoming = [...configuration.incoming.filter((voter) => voter !== left), id];
  return joint(view, incoming, (member) => (member.id === id ? peerOf(member) : member));
}

function planRemove(view: MembershipView, id: number): ChangePlan {
  const { configuration } = view;
  const { members, incoming, learners } = configuration;
  if (!memberOf(configuration, id)) return refuse(unknownMember(configuration, id));
  if (learners.includes(id)) {
    const left = { members: members.filter((one) => one.id !== id), learners: learners.filter((one) => one !== id) };
    return { ok: true, configuration: { ...configuration, ...left } };
  }
  if (incoming.length === 1) return refuse(`member ${id} is the last voter: without it there is no cluster`);
  return joint(
    view,
    incoming.filter((voter) => voter !== id),
    (member) => (member.replaces === id ? { ...peerOf(member), promote: true } : member),
  );
}

function planReplace(configuration: Configuration, id: number, by: Member): ChangePlan {
  if (!memberOf(configuration, id)) return refuse(unknownMember(configuration, id));
  if (!configuration.incoming.includes(id))
    return refuse(`member ${id} is a learner: remove it and add the other one instead`);
  const successor = configuration.members.find(({ replaces }) => replaces === id);
  if (successor) return refuse(`member ${successor.id} is already on its way to replace member ${id}`);
  return planAdd(configuration, { ...peerOf(by), replaces: id });
}

function planAddress(configuration: Configuration, id: number, address: string): ChangePlan {
  const { members } = configuration;
  const known = memberOf(configuration, id);
  if (!known) return refuse(unknownMember(configuration, id));
  if (!/^.+:\d+$/.test(address)) return refuse(`"${address}" is no address: it must be host:port`);
  const taken = sameNameOrAddress(
    members.filter((member) => member.id !== id),
    { ...known, address },
  );
  if (taken) return refuse(taken);
  const changed = members.map((member) => (member.id === id ? { ...member, address } : member));
  return { ok: true, configuration: { ...configuration, members: changed } };
}

/** A step to other voters: only where a majority of them answers now, so that the step can be completed and the cluster lives on. */
function joint(view: MembershipView, incoming: readonly number[], describe: (member: Member) => Member): ChangePlan {
  const { configuration, state } = view;
  const silent = incoming.filter((id) => !state(id).active);
  const needed = (incoming.length >> 1) + 1;
  if (incoming.length - silent.length < needed)
    return refuse(
      `of the voters that would remain (${incoming.join(', ')}) only ${incoming.length - silent.length} answer and ${needed} are ` +
        `needed: bring back ${silent.length === 1 ? 'member' : 'members'} ${silent.join(', ')} first`,
    );
  return {
    ok: true,
    configuration: {
      members: configuration.members.map(describe),
      incoming: incoming.toSorted((a, b) => a - b),
      outgoing: configuration.incoming,
      learners: configuration.learners.filter((id) => !incoming.includes(id)),
    },
  };
}

function notCaughtUp({ state }: MembershipView, id: number): string | undefined {
  const { active, caughtUp } = state(id);
  if (!active) return `member ${id} does not answer: start it, and promote it when it is caught up`;
  return caughtUp ? undefined : `member ${id} is not caught up yet: try again later`;
}

function sameNameOrAddress(members: readonly Member[], { name, address }: Member): string | undefined {
  for (const member of members) {
    if (member.name === name) return `member ${member.id} already has the name "${name}"`;
    if (member.address === address) return `member ${member.id} already has the address "${address}"`;
  }
  return undefined;
}

function unknownMember({ members }: Configuration, id: number): string {
  return `there is no member ${id}; members are ${members.map((member) => `${member.id} ("${member.name}")`).join(', ')}`;
}

/** How far a change whose first entry is committed has come under this configuration. */
export function changeOutcome(
  change: MembershipChange,
  configuration: Configuration,
): 'complete' | 'pending' | 'cancelled' {
  if (isJoint(configuration)) return 'pending';
  if (change.type !== 'replace') return 'complete';
  if (configuration.incoming.includes(change.by.id)) return 'complete';
  return memberOf(configuration, change.by.id) ? 'pending' : 'cancelled';
}

/** The change takes this member out. */
export function leaves(change: MembershipChange, id: number): boolean {
  return (change.type === 'remove' || change.type === 'replace') && change.id === id;
}

const peerOf = ({ id, name, address }: Member): Member => ({ id, name, address });

const sorted = (members: readonly Member[]) => members.toSorted((one, other) => one.id - other.id);

const changeVersion = 1;

/** The command of a proposal of kind `change`: UTF-8 JSON with a version. */
export function encodeChange(change: MembershipChange): Uint8Array {
  return new TextEncoder().encode(JSON.stringify({ version: changeVersion, ...change }));
}

/** Undefined: of a version or type that this program does not know. */
export function decodeChange(bytes: Uint8Array): MembershipChange | undefined {
  const { version, ...change } = JSON.parse(new TextDecoder().decode(bytes)) as { version: number } & MembershipChange;
  const known = ['add-learner', 'promote', 'remove', 'replace', 'update-address'].includes(change.type);
  return version === changeVersion && known ? change : undefined;
}
