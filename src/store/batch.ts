/**
 * Many commands in one entry of the log: an entry costs every member more than a command does, so writes of one turn of the event loop
 * travel together. Each is decided by itself, in order, as if it had an entry of its own.
 *
 *   batch = 0x80 (length command)*      a command begins with its format, which is never 0x80; at least two commands
 */
import { ByteReader, ByteWriter } from './bytes.ts';
import { maxBatchCommands } from './limits.ts';

const marker = 0x80;

export function isBatch(bytes: Uint8Array): boolean {
  return bytes[0] === marker;
}

export function encodeBatch(commands: readonly Uint8Array[]): Uint8Array {
  const overhead = 1 + commands.length * 4;
  const writer = new ByteWriter(commands.reduce((sum, command) => sum + command.length, overhead));
  writer.byte(marker);
  for (const command of commands) writer.bytes(command);
  return writer.finish();
}

/** The commands, as parts of `bytes`. @throws StoreError invalid */
export function splitBatch(bytes: Uint8Array): Uint8Array[] {
  const reader = new ByteReader(bytes);
  reader.byte();
  const commands: Uint8Array[] = [];
  while (!reader.atEnd) {
    if (commands.length === maxBatchCommands) reader.fail(`a batch of more than ${maxBatchCommands} commands`);
    commands.push(reader.view());
  }
  return commands;
}
