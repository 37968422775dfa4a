/** Kubernetes' protobuf messages as data (`generated/protobuf.json`, made by tools/kinds/generate-protobuf.ts). */
import { readFileSync } from 'node:fs';

/**
 * A scalar, a type with a JSON form of its own, or a message. `list:T` is a message whose field 1 repeats T and whose JSON form is the bare list.
 * Every other name is that of a message.
 */
export type FieldType = string;

export interface MessageField {
  readonly jsonName: string;
  readonly type: FieldType;
  readonly repeated: boolean;
  /** string to `type`. */
  readonly map: boolean;
  /** Its fields stand in the JSON object that holds it. */
  readonly inline: boolean;
  /** Absent and zero are different: what is on the wire counts, even a zero. */
  readonly pointer: boolean;
}

type Message = ReadonlyMap<number, MessageField>;

let messages: Map<string, Message> | undefined;

/** Undefined for a name that is not a message. Reads the data on first use. */
export function findMessage(name: string): Message | undefined {
  messages ??= load();
  return messages.get(name);
}

/** Whether objects of a definition (a name in `schemas.json`) can be written as protobuf. */
export function hasProtobufForm(definition: string): boolean {
  return findMessage(definition) !== undefined;
}

function load(): Map<string, Message> {
  const text = readFileSync(new URL('../../generated/protobuf.json', import.meta.url), 'utf8');
  const data = JSON.parse(text) as Record<string, Record<string, [string, string, string]>>;
  const result = new Map<string, Message>();
  for (const [name, fields] of Object.entries(data)) {
    const message = new Map<number, MessageField>();
    for (const [number, [jsonName, type, flags]] of Object.entries(fields)) {
      message.set(Number(number), {
        jsonName,
        type,
        repeated: flags.includes('r'),
        map: flags.includes('m'),
        inline: flags.includes('i'),
        pointer: flags.includes('p'),
      });
    }
    result.set(name, message);
  }
  return result;
}
