/**
 * For tests: cores that are driven by a small language and tell what they do, line by line (see testdata/*.txt).
 *
 * ```
 * nodes N [BYTES]          N voters, at most so many bytes in an append; a core's election timeout is 10 + its id ticks, its heartbeat 2 ticks
 * tick ID COUNT            time passes at one
 * propose ID TEXT...       at a leader, one entry per word
 * read ID CONTEXT | transfer ID TARGET
 * stabilize                do what every core wants and deliver, until nothing is left
 * run ID                   do what one core wants; its messages wait in the network
 * deliver ID | drop ID     what waits for one
 * restart ID               from disk
 * log ID | status ID       print
 * ```
 */
import { Prng } from '../lib/prng.ts';
import { initialConfiguration } from './core/configuration.ts';
import { Raft } from './core/raft.ts';
import type { Entry, Message } from './core/types.ts';
import { MemoryLogStorage } from './memory-log-storage.ts';

const entryText = ({ index, term, command }: Entry) =>
  `${index}/${term}${command.length > 0 ? ` "${Buffer.from(command)}"` : ''}`;

function messageText(message: Message): string {
  const { type, from, to, term, index, logTerm, commit, entries, reject, rejectHint, context, force, snapshot } =
    message;
  const parts = [`${from}->${to} ${type}`];
  if (term > 0) parts.push(`term ${term}`);
  if (index > 0 || logTerm > 0) parts.push(`at ${index}/${logTerm}`);
  if (commit > 0) parts.push(`commit ${commit}`);
  if (entries.length > 0) parts.push(`entries [${entries.map(entryText).join(', ')}]`);
  if (reject) parts.push(`rejected${rejectHint > 0 ? `, agrees at most at ${rejectHint}` : ''}`);
  if (context > 0) parts.push(`context ${context}`);
  if (force) parts.push('forced');
  if (snapshot) parts.push(`snapshot ${snapshot.index}/${snapshot.term}`);
  return parts.join(' ');
}

export class Transcript {
  readonly #cores = new Map<number, Raft>();
  readonly #disks = new Map<number, MemoryLogStorage>();
  #network: Message[] = [];
  #maxMessageBytes = 0;
  #lines: string[] = [];

  /** Runs one command and returns what happened. */
  run(command: string): string {
    this.#lines = [];
    const [verb, ...words] = command.trim().split(/\s+/);
    const id = Number(words[0]);
    switch (verb) {
      case 'nodes':
        this.#maxMessageBytes = Number(words[1] ?? 1 << 20);
        for (let member = 1; member <= id; member++) this.#start(member, id);
        break;
      case 'tick':
        for (let count = Number(words[1]); count > 0; count--) this.#core(id).tick();
        break;
      case 'propose':
        this.#propose(id, words.slice(1));
        break;
      case 'read':
        if (!this.#core(id).readIndex(Number(words[1]))) this.#lines.push('no leader');
        break;
      case 'transfer':
        if (!this.#core(id).transferLeadership(Number(words[1]))) this.#lines.push('refused');
        break;
      case 'stabilize':
        this.#stabilize();
        break;
      case 'run':
        this.#handle(this.#core(id));
        break;
      case 'deliver':
        for (const message of this.#take(id)) this.#core(id).step(message);
        break;
      case 'drop':
        for (const message of this.#take(id)) this.#lines.push(`dropped ${messageText(message)}`);
        break;
      case 'restart':
        this.#disks.get(id)!.crash(0);
        this.#start(id, this.#disks.size);
        break;
      case 'log':
        this.#lines.push((this.#core(id).log.entries(1, Number.POSITIVE_INFINITY) ?? []).map(entryText).join(', '));
        break;
      case 'status':
        this.#status(this.#core(id));
        break;
      default:
        throw new Error(`no such command: "${command}"`);
    }
    return this.#lines.length > 0 ? this.#lines.join('\n') : 'ok';
  }

  #core(id: number): Raft {
    const core = this.#cores.get(id);
    if (!core) throw new Error(`no member ${id}`);
    return core;
  }

  #start(id: number, size: number): void {
    const disk = this.#disks.get(id) ?? new MemoryLogStorage();
    this.#disks.set(id, disk);
    const members = Array.from({ length: size }, (_, position) => ({
      id: position + 1,
      name: `m${position + 1}`,
      address: `m${position + 1}:1`,
    }));
    const core = new Raft({
      id,
      configuration: initialConfiguration(members),
      electionTicks: [10 + id, 10 + id],
      heartbeatTicks: 2,
      maxMessageBytes: this.#maxMessageBytes,
      prng: new Prng(id),
      log: disk,
      hardState: disk.hardState(),
      applied: disk.snapshot().index,
    });
    this.#cores.set(id, core);
  }

  #propose(id: number, words: readonly string[]): void {
    const proposed = words.map((word) => ({
      kind: 'command' as const,
      origin: 1,
      sequence: 1,
      command: Buffer.from(word),
    }));
    const result = this.#core(id).propose(proposed);
    if (!result.ok) this.#lines.push(result.reason);
  }

  #take(to: number): Message[] {
    const taken = this.#network.filter((message) => message.to === to);
    this.#network = this.#network.filter((message) => message.to !== to);
    return taken;
  }

  #stabilize(): void {
    for (let round = 0; round < 1_000; round++) {
      for (const core of this.#cores.values()) this.#handle(core);
      if (this.#network.length === 0 && [...this.#cores.values()].every((core) => !core.hasReady())) return;
      for (const [id, core] of this.#cores) for (const message of this.#take(id)) core.step(message);
    }
    throw new Error('it does not come to rest');
  }

  #handle(core: Raft): void {
    while (core.hasReady()) {
      const { messages, committed, reads, write } = core.ready();
      this.#post(messages);
      if (committed.length > 0) this.#lines.push(`${core.id} applies ${committed.map(entryText).join(', ')}`);
      for (const { context, index } of reads) this.#lines.push(`${core.id} may read ${context} at ${index}`);
      if (!write) continue;
      const { hardState, entries, snapshot, mustSync } = write;
      if (hardState && mustSync)
        this.#lines.push(`${core.id} writes term ${hardState.term} vote ${hardState.vote} commit ${hardState.commit}`);
      if (entries.length > 0) this.#lines.push(`${core.id} writes ${entries.map(entryText).join(', ')}`);
      this.#disks.get(core.id)!.write({ hardState, entries, snapshot, sync: mustSync }, () => undefined);
      this.#post(write.messages);
      core.advance();
    }
  }

  #post(messages: readonly Message[]): void {
    for (const message of messages) {
      this.#lines.push(messageText(message));
      this.#network.push(message);
    }
  }

  #status({ id, role, term, leaderId, log }: Raft): void {
    this.#lines.push(`${id} ${role} term ${term} leader ${leaderId} commit ${log.committed} last ${log.lastIndex()}`);
  }
}
