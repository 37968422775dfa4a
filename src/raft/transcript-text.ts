/** For tests: messages, entries and configurations as a reader wants to see them. */
import { decodeConfiguration } from './core/configuration.ts';
import type { Configuration, Entry, Message } from './core/types.ts';

export function configurationText({ members, incoming, outgoing, learners }: Configuration): string {
  const details = members.flatMap(({ id, address, promote, replaces }) => {
    const notes: string[] = [];
    if (address !== `m${id}:1`) notes.push(`at ${address}`);
    if (promote) notes.push('to be promoted');
    if (replaces !== undefined) notes.push(`replaces ${replaces}`);
    return notes.length > 0 ? [`${id} ${notes.join(', ')}`] : [];
  });
  const parts = [`voters ${incoming.join(' ')}`];
  if (outgoing.length > 0) parts.push(`and of before ${outgoing.join(' ')}`);
  if (learners.length > 0) parts.push(`learners ${learners.join(' ')}`);
  return `<${[...parts, ...details].join('; ')}>`;
}

export function entryText({ index, term, kind, command }: Entry): string {
  if (kind === 'configuration') return `${index}/${term} ${configurationText(decodeConfiguration(command))}`;
  return `${index}/${term}${command.length > 0 ? ` "${Buffer.from(command)}"` : ''}`;
}

export function messageText(message: Message): string {
  const { type, from, to, term, index, logTerm, commit, entries, reject, rejectHint, context, force, snapshot } =
    message;
  const parts = [`${from}->${to} ${type}`];
  if (term > 0) parts.push(`term ${term}`);
  if (type.startsWith('heartbeat')) {
    parts.push(`of tick ${index}`);
    if (rejectHint > 0) parts.push(`round trip ${rejectHint}`);
  } else if (index > 0 || logTerm > 0) parts.push(`at ${index}/${logTerm}`);
  if (commit > 0) parts.push(`commit ${commit}`);
  if (entries.length > 0) parts.push(`entries [${entries.map(entryText).join(', ')}]`);
  if (reject) parts.push(`rejected${type === 'append-response' ? `, agrees at most at ${rejectHint}` : ''}`);
  if (context > 0 && !type.includes('vote')) parts.push(`context ${context}`);
  if (force) parts.push('forced');
  if (snapshot) {
    const { configuration } = snapshot;
    parts.push(`snapshot ${snapshot.index}/${snapshot.term} ${configuration ? configurationText(configuration) : ''}`);
  }
  return parts.join(' ');
}
