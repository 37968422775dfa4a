/** What an expression may name: variables, functions, types. */
import { listLibrary } from './functions/lists.ts';
import { optionalLibrary } from './functions/optional.ts';
import { standardOverloads } from './functions/standard.ts';
import { stringLibrary } from './functions/strings.ts';
import type { Library, Overload } from './overload.ts';
import type { CelType, StructType } from './types.ts';

export interface CelEnvironment {
  /** Types of the variables; dyn where nothing is known before they come. */
  readonly variables: Readonly<Record<string, CelType>>;
  /** Beside the standard one, optional values, texts, lists and sets, which are always there. */
  readonly libraries?: readonly Library[] | undefined;
  /** Types of objects that an expression may build (`Object{…}`), by name. */
  readonly structs?: ((name: string) => StructType | undefined) | undefined;
}

export type FunctionTable = ReadonlyMap<string, readonly Overload[]>;

const commonLibraries: readonly Library[] = [
  { overloads: standardOverloads },
  optionalLibrary,
  stringLibrary,
  listLibrary,
];
const tables = new WeakMap<readonly Library[], FunctionTable>();
const noLibraries: readonly Library[] = [];

/** Every overload by its function's name; made once per list of libraries. */
export function functionTable(libraries: readonly Library[] = noLibraries): FunctionTable {
  const known = tables.get(libraries);
  if (known) return known;
  const table = new Map<string, Overload[]>();
  for (const { overloads } of [...commonLibraries, ...libraries]) {
    for (const overload of overloads) {
      const list = table.get(overload.name);
      if (list) list.push(overload);
      else table.set(overload.name, [overload]);
    }
  }
  tables.set(libraries, table);
  return table;
}
