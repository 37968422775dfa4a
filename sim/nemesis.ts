/** Does harm: at random times, and where it hurts most. Everything that it does is in the story. */
import type { Message } from '../src/raft/core/types.ts';
import type { MembershipChange } from '../src/raft/types.ts';
import type { Member } from './process/member.ts';
import type { World } from './world.ts';

export class Nemesis {
  readonly #world: World;
  active = true;
  crashes = 0;
  /** Cut off for now: where it is worth watching. */
  leftBehind: Member | undefined;
  #damaged = 0;

  constructor(world: World) {
    this.#world = world;
  }

  begin(): void {
    const { nemeses } = this.#world.scenario;
    this.#repeat(nemeses.crashEveryMs, () => this.crash(this.#anyMember()));
    this.#repeat(nemeses.powerLossEveryMs, () => this.#powerLoss());
    this.#repeat(nemeses.partitionEveryMs, () => this.#partition());
    this.#repeat(nemeses.isolateLeaderEveryMs, () => this.#isolateLeader());
    this.#repeat(nemeses.leaveBehindEveryMs, () => this.#leaveBehind());
    this.#repeat(nemeses.pauseEveryMs, () => this.#pause());
    this.#repeat(nemeses.slowDiskEveryMs, () => this.#slowDisk());
    this.#repeat(nemeses.transferEveryMs, () => this.#transfer());
    this.#repeat(nemeses.clockJumpEveryMs, () => this.#clockJump());
    this.#repeat(nemeses.membershipEveryMs, () => this.#changeMembership());
    this.#repeat(nemeses.falseRumourEveryMs, () => this.#tellGone(this.#anyMember(), 1));
  }

  /** A message leaves a member. */
  sent(member: Member, { type, reject, entries, to }: Message): void {
    if (!this.active) return;
    const { prng, events, scenario } = this.#world;
    const { crashAfterVote, crashAfterAppend } = scenario.nemeses;
    if (type === 'vote-response' && !reject && crashAfterVote > 0 && prng.chance(crashAfterVote))
      events.at(prng.integer(0, 2), () => this.crash(member, 'right after its vote'));
    else if (type === 'append' && entries.length > 0 && crashAfterAppend > 0 && prng.chance(crashAfterAppend)) {
      if (prng.chance(0.6)) this.#onlyTo(member, to);
      events.at(prng.integer(0, 5), () => this.crash(member, 'right after an append'));
    }
  }

  /** What the leader has just appended reaches one member only, whose disk takes long over it. */
  #onlyTo(leader: Member, to: number): void {
    const { network, members, events, scenario, prng } = this.#world;
    const follower = this.#world.member(to)!;
    follower.disk.delayMs = prng.pick([1, 200, 500]);
    for (const { id } of members) if (id !== to && id !== leader.id) network.cut(leader.id, id);
    this.#world.note(() => `NEMESIS lets ${leader.id} reach only ${to}, whose disk takes ${follower.disk.delayMs} ms`);
    events.at(prng.integer(30, 120), () => {
      if (this.active) network.healLinks();
    });
    events.at(900, () => {
      if (this.active) follower.disk.delayMs = scenario.diskDelayMs;
    });
  }

  /** A leader has shortened the member's log: what is marked on its disk must follow. */
  cut(member: Member): void {
    if (!this.active) return;
    const { prng, events, scenario } = this.#world;
    const { crashAfterCut } = scenario.nemeses;
    if (crashAfterCut > 0 && prng.chance(crashAfterCut))
      events.at(prng.integer(0, 2 * member.disk.delayMs + 3), () => this.crash(member, 'after its log was cut'));
  }

  /** The member is told that its proposals did not come into the log; `again` tells it once more. */
  refusing(member: Member, again: () => void): void {
    if (!this.active) return;
    const { prng, events, scenario } = this.#world;
    const { crashAfterRefusal } = scenario.nemeses;
    if (crashAfterRefusal === 0 || !prng.chance(crashAfterRefusal)) return;
    events.at(prng.integer(0, 5), () => this.crash(member, 'while a refusal is on its way'));
    for (let count = 0; count < 8; count++) events.at(prng.integer(50, 700), again);
  }

  elected(member: Member): void {
    if (!this.active) return;
    const { prng, events, scenario } = this.#world;
    const { crashAfterElection, cutNewLeader } = scenario.nemeses;
    if (crashAfterElection > 0 && prng.chance(crashAfterElection))
      events.at(prng.integer(0, 40), () => this.crash(member, 'right after its election'));
    if (cutNewLeader > 0 && prng.chance(cutNewLeader)) this.#cutFromMany(member);
    // Right after an election the leader may not know what is committed.
    if (prng.chance(0.3)) this.#world.prober.probe(member, 40, 6);
  }

  /** The membership is about to change its majorities: the moment to part them. */
  joint(leader: Member): void {
    if (!this.active) return;
    const { prng, events, network } = this.#world;
    if (!prng.chance(0.5)) return;
    events.at(prng.integer(0, 12), () => {
      if (!this.active) return;
      this.#part();
      if (prng.chance(0.5)) this.crash(leader, 'in a joint configuration');
      events.at(prng.integer(300, 900), () => {
        if (this.active) network.healLinks();
      });
    });
  }

  /** The leader has appended the configuration without itself: from now on only its own log may win an election. */
  leaving(leader: Member): void {
    if (!this.active) return;
    const { prng, events, network, members, scenario } = this.#world;
    if (!prng.chance(scenario.nemeses.crashLeaving)) return;
    this.#world.note(() => `NEMESIS cuts leader ${leader.id} off as it leaves`);
    for (const { id } of members) if (id !== leader.id) network.cutBoth(leader.id, id);
    events.at(2 * leader.disk.delayMs + prng.integer(2, 100), () => this.crash(leader, 'as it leaves'));
    events.at(prng.integer(300, 600), () => {
      if (this.active) network.healLinks();
    });
  }

  /** Everything works again from now on. */
  end(): void {
    this.active = false;
  }

  crash(member: Member, when = ''): void {
    if (!member.running || !this.active) return;
    const { prng, events, scenario } = this.#world;
    this.#world.note(() => `NEMESIS crashes member ${member.id} ${when}`);
    this.crashes++;
    member.crash();
    this.#tellGone(member, 0.8);
    // The majority that makes up for a damaged disk must stay the same.
    if (scenario.nemeses.diskDamage && scenario.nemeses.membershipEveryMs === 0) this.#damage(member);
    events.at(prng.integer(1, scenario.nemeses.downMs), () => {
      if (!member.running && !member.retired && this.active) member.start();
    });
  }

  /** Others see its process gone, as refused connections tell them: some of them, sooner or later, perhaps when it is back. */
  #tellGone(member: Member, probability: number): void {
    const { prng, events, members, network, scenario } = this.#world;
    if (scenario.nemeses.falseRumourEveryMs === 0) return;
    for (const other of members) {
      if (other === member || network.isCut(other.id, member.id) || !prng.chance(probability)) continue;
      events.at(prng.integer(1, 40), () => other.onRaftLane((thread) => thread.loop?.peerGone(member.id)));
    }
  }

  #anyMember(): Member {
    return this.#world.prng.pick(this.#world.members);
  }

  #leader(): Member | undefined {
    return this.#world.members.findLast((member) => member.life?.thread.loop?.core.role === 'leader');
  }

  #repeat(everyMs: number, strike: () => void): void {
    if (everyMs === 0) return;
    const { prng, events } = this.#world;
    events.at(prng.integer(1, 2 * everyMs), () => {
      if (!this.active) return;
      strike();
      this.#repeat(everyMs, strike);
    });
  }

  #powerLoss(): void {
    const { prng, members } = this.#world;
    const spared = prng.integer(0, Math.max(0, members.length - 2));
    for (const member of members.slice(spared)) this.crash(member, 'with others');
  }

  /** At most as many disks as the others can make up for. */
  #damage(member: Member): void {
    const { prng, members, consensus } = this.#world;
    if (this.#damaged >= Math.floor((members.length - 1) / 2) || member.damaged || !prng.chance(0.8)) return;
    const what = member.disk.damage(prng, prng.pick(['bit-rot', 'misdirected-write']));
    if (!what) return;
    this.#damaged++;
    member.damaged = true;
    consensus.durable(member.id).forgiven = true;
    this.#world.note(() => `NEMESIS damages the disk of member ${member.id}: ${what}`);
  }

  #partition(): void {
    const { prng, network, members } = this.#world;
    network.healLinks();
    if (!prng.chance(0.7)) {
      this.#world.note(() => 'NEMESIS heals all links');
      return;
    }
    const ids = members.map(({ id }) => id);
    if (prng.chance(0.3)) {
      const [from, to] = [prng.pick(ids), prng.pick(ids)];
      network.cut(from, to);
      this.#world.note(() => `NEMESIS cuts ${from} → ${to}`);
      return;
    }
    this.#part();
  }

  #part(): void {
    const { prng, network, members } = this.#world;
    const ids = members.map(({ id }) => id);
    const side = new Set(ids.filter(() => prng.chance(0.5)));
    for (const from of ids) for (const to of ids) if (side.has(from) !== side.has(to)) network.cut(from, to);
    this.#world.note(() => `NEMESIS parts {${[...side]}} from the others`);
  }

  #isolateLeader(): void {
    const { prng, network, members, events } = this.#world;
    const leader = this.#leader();
    if (!leader) return;
    const way = prng.pick(['both', 'both', 'in', 'out'] as const);
    for (const { id } of members) {
      if (id === leader.id) continue;
      if (way !== 'in') network.cut(leader.id, id);
      if (way !== 'out') network.cut(id, leader.id);
    }
    this.#world.note(() => `NEMESIS cuts leader ${leader.id} off (${way})`);
    // By now somebody else may lead, and the old one not know it.
    events.at(150, () => this.#world.prober.probe(leader, 350, 12));
    events.at(prng.integer(50, 900), () => {
      if (this.active) network.healLinks();
    });
  }

  #leaveBehind(): void {
    const { prng, network, members, events } = this.#world;
    const leader = this.#leader();
    const followers = members.filter((member) => member.running && member !== leader);
    if (!leader || followers.length === 0) return;
    const left = prng.pick(followers);
    for (const { id } of members) if (id !== left.id) network.cutBoth(left.id, id);
    this.leftBehind = left;
    this.#world.note(() => `NEMESIS leaves member ${left.id} behind`);
    events.at(prng.integer(250, 600), () => {
      this.leftBehind = undefined;
      if (this.active) network.healLinks();
    });
  }

  /** The leader keeps at most a minority; now and then it then crashes, and its links heal. */
  #cutFromMany(leader: Member): void {
    const { prng, network, members, events } = this.#world;
    const others = members.filter((member) => member !== leader);
    const kept = prng.integer(0, Math.max(0, Math.floor(members.length / 2) - 1));
    const start = prng.integer(0, Math.max(0, others.length - 1));
    const reachable = new Set(
      Array.from({ length: kept }, (_, position) => others[(start + position) % others.length]!.id),
    );
    for (const { id } of others) if (!reachable.has(id)) network.cutBoth(leader.id, id);
    this.#world.note(() => `NEMESIS leaves new leader ${leader.id} only {${[...reachable]}}`);
    events.at(prng.integer(30, 500), () => {
      if (!this.active) return;
      if (prng.chance(0.6)) this.crash(leader, 'after it was cut off');
      network.healLinks();
    });
  }

  #pause(): void {
    const { prng } = this.#world;
    const member = prng.chance(0.5) ? (this.#leader() ?? this.#anyMember()) : this.#anyMember();
    const durationMs = prng.integer(50, 1_000);
    const whole = prng.chance(0.6);
    if (whole) member.pause(durationMs);
    else member.pauseApi(durationMs);
    this.#world.note(
      () => `NEMESIS stops ${whole ? 'member' : 'the API thread of member'} ${member.id} for ${durationMs} ms`,
    );
  }

  #slowDisk(): void {
    const { prng } = this.#world;
    const member = this.#anyMember();
    member.disk.delayMs = prng.pick([0, 1, 30, 120, 300]);
    this.#world.note(() => `NEMESIS: a write of member ${member.id} takes ${member.disk.delayMs} ms`);
  }

  #transfer(): void {
    const { prng, members } = this.#world;
    const target = prng.chance(0.5) ? 0 : prng.pick(members).id;
    this.#world.note(() => `leadership transfer to ${target} is asked for`);
    this.#anyMember().onRaftLane((thread) => thread.loop?.transferLeadership(target));
  }

  /** Asks a member for a change; the leader decides whether it may be. */
  #changeMembership(): void {
    const { prng, members, consensus } = this.#world;
    const { incoming, learners } = consensus.committedConfiguration();
    const outside = members.filter(({ id, retired }) => !retired && !incoming.includes(id) && !learners.includes(id));
    const inside = [...incoming, ...learners];
    const changes: MembershipChange[] = [];
    const fresh = outside.find((member) => !member.running && !member.hasJoined);
    if (fresh) {
      const peer = this.#world.peerOf(fresh.id);
      changes.push({ type: 'add-learner', member: peer, promote: prng.chance(0.7) });
      if (incoming.length > 0) changes.push({ type: 'replace', id: prng.pick(incoming), by: peer });
    }
    const leader = this.#leader();
    if (incoming.length > 1)
      changes.push({ type: 'remove', id: leader && prng.chance(0.4) ? leader.id : prng.pick(inside) });
    if (learners.length > 0) changes.push({ type: 'promote', id: prng.pick(learners) });
    if (changes.length === 0) return;
    const change = prng.pick(changes);
    if (fresh && (change.type === 'add-learner' || change.type === 'replace')) {
      fresh.joins = true;
      fresh.hasJoined = true;
      fresh.start();
    }
    const running = members.filter((member) => member.running);
    if (running.length === 0) return;
    const { life, id } = prng.pick(running);
    this.#world.note(() => `member ${id} is asked to ${JSON.stringify(change)}`);
    life!.api.enter(() => {
      life!.node.changeMembership(change, { timeoutMs: 1_000 }).then(
        () => this.#world.note(() => `done: ${JSON.stringify(change)}`),
        (error: Error) => this.#world.note(() => `not done: ${change.type}: ${error.message}`),
      );
    });
  }

  #clockJump(): void {
    const { prng } = this.#world;
    const member = this.#anyMember();
    member.clock.wallOffsetMs += prng.integer(-3_600_000, 3_600_000);
    this.#world.note(() => `NEMESIS turns the wall clock of member ${member.id}`);
  }
}
