/**
 * For tests: cores that are driven by a small language and tell what they do, line by line (see testdata/*.txt).
 *
 * ```
 * nodes N [LIMIT=NUMBER]   N voters; limits: bytes (of an append), inflight (appends), window (bytes of them), uncommitted (bytes), reads.
 *                          A core's election timeout is 10 + its id ticks, its heartbeat 2 ticks
 * join ID                  a new member that knows nothing
 * stand ID                 it stands for election
 * elect ID                 the same, and all is delivered, without a word
 * tick ID COUNT            time passes at one
 * pass COUNT               time passes everywhere, all is delivered; heartbeats are not shown
 * propose ID TEXT...       at a leader, one entry per word
 * read ID CONTEXT | transfer ID TARGET
 * add-learner ID NEW [promote] | promote ID MEMBER | remove ID MEMBER | replace ID OLD NEW | address ID MEMBER HOST:PORT
 *                          changes of the membership at the leader ID
 * autopilot ID TICKS       what the leader would do by itself about learners that kept up for so long
 * stabilize                do what every core wants and deliver, until nothing is left
 * settle                   the same without a word
 * run ID                   do what one core wants; its messages wait in the network
 * write ID                 as run, but its disk keeps the write to itself; `written ID` ends that
 * deliver ID | drop ID     what waits for one; `again ID` delivers it and keeps a copy in the network
 * cut ID... | heal         nothing comes from or to these any more | everything does again
 * crash ID | restart ID    off | on again, from disk
 * snapshot ID KEPT         takes one of what it applied and keeps so many entries behind it
 * transferred ID TO ok|failed   the transfer of a snapshot has ended
 * unreachable ID TO        the stream to a peer broke
 * removed ID INDEX         a peer says: you are in no configuration since INDEX
 * log ID | status ID | members ID | timeouts ID    print
 * ```
 */
import { Prng } from '../lib/prng.ts';
import { emptyConfiguration, initialConfiguration } from './core/configuration.ts';
import type { RaftLimits } from './core/leader-host.ts';
import { Raft } from './core/raft.ts';
import { type MembershipChange, type Message, message, type Peer } from './core/types.ts';
import { MemoryLogStorage } from './memory-log-storage.ts';
import { configurationText, entryText, messageText } from './transcript-text.ts';

const limitNames: Record<string, keyof RaftLimits> = {
  bytes: 'maxMessageBytes',
  inflight: 'maxInflightMessages',
  window: 'maxInflightBytes',
  uncommitted: 'maxUncommittedBytes',
  reads: 'maxPendingReads',
};

const peer = (id: number): Peer => ({ id, name: `m${id}`, address: `m${id}:1` });

function parseChange(verb: string, words: readonly string[]): MembershipChange | undefined {
  const [, first, second] = words;
  const id = Number(first);
  switch (verb) {
    case 'add-learner':
      return { type: 'add-learner', member: peer(id), promote: second === 'promote' };
    case 'promote':
    case 'remove':
      return { type: verb, id };
    case 'replace':
      return { type: 'replace', id, by: peer(Number(second)) };
    case 'address':
      return { type: 'update-address', id, address: second ?? '' };
    default:
      return undefined;
  }
}

export class Transcript {
  readonly #cores = new Map<number, Raft>();
  readonly #disks = new Map<number, MemoryLogStorage>();
  readonly #joined = new Set<number>();
  readonly #cut = new Set<number>();
  readonly #heldWrites = new Map<number, () => void>();
  #network: Message[] = [];
  #size = 0;
  #limits: Partial<RaftLimits> = {};
  #lines: string[] = [];
  #silent = false;

  /** Runs one command and returns what happened. */
  run(command: string): string {
    this.#lines = [];
    const [verb = '', ...words] = command.trim().split(/\s+/);
    const id = Number(words[0]);
    const change = parseChange(verb, words);
    if (change) this.#refusal(this.#core(id).changeMembership(change));
    else this.#perform(verb, id, words.slice(1));
    return this.#lines.length > 0 ? this.#lines.join('\n') : 'ok';
  }

  #perform(verb: string, id: number, words: readonly string[]): void {
    const number = Number(words[0]);
    switch (verb) {
      case 'nodes':
        for (const word of words) {
          const [name, value] = word.split('=');
          if (name === 'lazy') this.#limits = { ...this.#limits, lazyCommit: true };
          else this.#limits = { ...this.#limits, [limitNames[name!]!]: Number(value) };
        }
        this.#size = id;
        for (let member = 1; member <= id; member++) this.#start(member);
        break;
      case 'join':
        this.#joined.add(id);
        this.#start(id);
        break;
      case 'stand':
        this.#stand(this.#core(id));
        break;
      case 'elect':
        this.#elect(id);
        break;
      case 'tick':
        for (let count = number; count > 0; count--) this.#core(id).tick();
        break;
      case 'pass':
        this.#pass(id);
        break;
      case 'propose':
        this.#propose(id, words);
        break;
      case 'read':
        if (!this.#core(id).readIndex(number)) this.#say('no leader');
        break;
      case 'transfer':
        if (!this.#core(id).transferLeadership(number)) this.#say('refused');
        break;
      case 'autopilot': {
        const change = this.#core(id).autopilotChange(number);
        this.#say(change ? JSON.stringify(change) : 'nothing');
        break;
      }
      case 'stabilize':
        this.#stabilize();
        break;
      case 'settle':
        this.#silent = true;
        this.#stabilize();
        this.#silent = false;
        break;
      case 'run':
        this.#handle(this.#core(id), false);
        break;
      case 'write':
        this.#handle(this.#core(id), true);
        break;
      case 'written':
        this.#heldWrites.get(id)!();
        this.#heldWrites.delete(id);
        break;
      case 'deliver':
        for (const message of this.#take(id)) this.#core(id).step(message);
        break;
      case 'again':
        for (const message of this.#network.filter(({ to }) => to === id)) this.#core(id).step(message);
        break;
      case 'drop':
        for (const message of this.#take(id)) this.#say(`dropped ${messageText(message)}`);
        break;
      case 'cut':
        for (const one of [id, ...words.map(Number)]) this.#cut.add(one);
        this.#network = this.#network.filter(({ from, to }) => !this.#cut.has(from) && !this.#cut.has(to));
        break;
      case 'heal':
        this.#cut.clear();
        break;
      case 'crash':
        this.#disks.get(id)!.crash(0);
        this.#cores.delete(id);
        this.#heldWrites.delete(id);
        this.#take(id);
        break;
      case 'restart':
        this.#disks.get(id)!.crash(0);
        this.#heldWrites.delete(id);
        this.#start(id);
        break;
      case 'snapshot':
        this.#snapshot(this.#core(id), number);
        break;
      case 'transferred':
        this.#core(id).reportSnapshot(number, words[1] === 'ok');
        break;
      case 'unreachable':
        this.#core(id).reportUnreachable(number);
        break;
      case 'expect':
        this.#core(id).expectCommit(number, this.#core(id).log.lastIndex());
        break;
      case 'untold':
        this.#say(this.#core(id).isCommitUntold(this.#core(id).log.committed) ? 'untold' : 'told');
        break;
      case 'tell':
        this.#core(id).tellCommit(number);
        break;
      case 'gone':
        this.#core(id).reportGone(number);
        break;
      case 'removed':
        this.#say(this.#core(id).reportRemoved(number) ? 'believed' : 'not believed: it knows a newer configuration');
        break;
      default:
        this.#print(verb, this.#core(id));
    }
  }

  #print(verb: string, core: Raft): void {
    const { id, role, term, leaderId, log } = core;
    switch (verb) {
      case 'log':
        this.#say((log.entries(log.firstIndex(), Number.POSITIVE_INFINITY) ?? []).map(entryText).join(', '));
        break;
      case 'status':
        this.#say(
          `${id} ${role} term ${term} leader ${leaderId} commit ${log.committed} last ${log.lastIndex()}` +
            `${log.firstIndex() > 1 ? ` first ${log.firstIndex()}` : ''}${core.removed ? ' removed' : ''}`,
        );
        for (const { id: other, matchIndex, active, state, caughtUp } of core.peers())
          this.#say(`  ${other} has ${matchIndex}, ${state}${active ? '' : ', silent'}${caughtUp ? '' : ', behind'}`);
        break;
      case 'members':
        this.#say(configurationText(core.configuration));
        break;
      case 'timeouts':
        this.#say(core.electionTicks.join(' to '));
        break;
      default:
        throw new Error(`no such command: "${verb}"`);
    }
  }

  #say(line: string): void {
    if (!this.#silent) this.#lines.push(line);
  }

  #core(id: number): Raft {
    const core = this.#cores.get(id);
    if (!core) throw new Error(`no member ${id}`);
    return core;
  }

  #start(id: number): void {
    const disk = this.#disks.get(id) ?? new MemoryLogStorage();
    this.#disks.set(id, disk);
    const initial = initialConfiguration(Array.from({ length: this.#size }, (_, position) => peer(position + 1)));
    const configuration = this.#joined.has(id) ? emptyConfiguration : initial;
    if (disk.lastIndex() === 0) disk.compact({ index: 0, term: 0, configuration }, 0);
    const core = new Raft({
      id,
      configuration,
      electionTicks: [10 + id, 10 + id],
      heartbeatTicks: 2,
      ...this.#limits,
      prng: new Prng(id),
      log: disk,
      hardState: disk.hardState(),
      applied: disk.snapshot().index,
    });
    this.#cores.set(id, core);
  }

  #elect(id: number): void {
    this.#silent = true;
    this.#stand(this.#core(id));
    this.#stabilize();
    this.#silent = false;
    this.#print('status', this.#core(id));
  }

  /** Where a leader was heard, as one that hands over would tell it, so that nobody's stickiness is in the way. */
  #stand(core: Raft): void {
    const { id, term } = core;
    if (term > 0) core.step(message({ type: 'timeout-now', from: 0, to: id, term }));
    else for (let count = 0; count < 10 + id; count++) core.tick();
  }

  #pass(ticks: number): void {
    for (let count = ticks; count > 0; count--) {
      for (const core of this.#cores.values()) core.tick();
      this.#stabilize();
    }
    this.#lines = this.#lines.filter((line) => !/->\d+ heartbeat/.test(line));
  }

  #propose(id: number, words: readonly string[]): void {
    const proposed = words.map((word) => ({
      kind: 'command' as const,
      origin: 1,
      sequence: 1,
      command: Buffer.from(word),
    }));
    this.#refusal(this.#core(id).propose(proposed));
  }

  #refusal(result: ReturnType<Raft['changeMembership']>): void {
    if (!result.ok) this.#say(result.reason === 'refused' ? `refused: ${result.message}` : result.reason);
  }

  #take(to: number): Message[] {
    const taken = this.#network.filter((message) => message.to === to);
    this.#network = this.#network.filter((message) => message.to !== to);
    return taken;
  }

  #stabilize(): void {
    for (let round = 0; round < 1_000; round++) {
      for (const core of this.#cores.values()) this.#handle(core, false);
      const { length } = this.#network;
      if (length === 0 && [...this.#cores.values()].every((core) => !core.hasReady())) return;
      for (const [id, core] of this.#cores) for (const message of this.#take(id)) core.step(message);
      this.#network = this.#network.filter(({ to }) => this.#cores.has(to));
    }
    throw new Error('it does not come to rest');
  }

  #handle(core: Raft, holdWrite: boolean): void {
    while (core.hasReady()) {
      const { messages, committed, reads, write } = core.ready();
      this.#post(messages);
      if (committed.length > 0) this.#say(`${core.id} applies ${committed.map(entryText).join(', ')}`);
      for (const { context, index } of reads) this.#say(`${core.id} may read ${context} at ${index}`);
      if (!write) continue;
      const { hardState, entries, snapshot, mustSync } = write;
      const finish = () => {
        if (hardState && mustSync)
          this.#say(`${core.id} writes term ${hardState.term} vote ${hardState.vote} commit ${hardState.commit}`);
        else if (hardState) this.#say(`${core.id} notes commit ${hardState.commit}`);
        if (snapshot) this.#say(`${core.id} installs snapshot ${snapshot.index}/${snapshot.term}`);
        if (entries.length > 0) this.#say(`${core.id} writes ${entries.map(entryText).join(', ')}`);
        this.#disks.get(core.id)!.write({ hardState, entries, snapshot, sync: mustSync }, () => undefined);
        this.#post(write.messages);
        core.advance();
      };
      if (holdWrite) this.#heldWrites.set(core.id, finish);
      else finish();
    }
  }

  #snapshot({ id, log }: Raft, kept: number): void {
    const index = log.handedOut;
    const { configuration } = log.configurations.at(index);
    this.#disks.get(id)!.compact({ index, term: log.term(index)!, configuration }, index - kept);
    log.configurations.forgetBefore(index);
    this.#say(`${id} keeps the log from ${log.firstIndex()} on`);
  }

  #post(messages: readonly Message[]): void {
    for (const message of messages) {
      if (this.#cut.has(message.from) || this.#cut.has(message.to)) continue;
      this.#say(messageText(message));
      this.#network.push(message);
    }
  }
}
