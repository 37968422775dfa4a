/** `find` and `findAll` in expressions. */
import { matching } from '../../lib/cel/cost/costs.ts';
import { findAll } from '../../lib/cel/functions/patterns.ts';
import { type Library, method } from '../../lib/cel/index.ts';
import { ArrayList } from '../../lib/cel/values.ts';

const cost = matching((text) => ({ min: 0, max: text.max }));

export const regexLibrary: Library = {
  overloads: [
    method(
      'find',
      'string_find_string',
      'string, string -> string',
      (text: string, pattern: string) => findAll(text, pattern, 1)[0] ?? '',
      cost,
    ),
    method(
      'findAll',
      'string_find_all_string',
      'string, string -> list(string)',
      (text: string, pattern: string) => new ArrayList(findAll(text, pattern, -1)),
      cost,
    ),
    method(
      'findAll',
      'string_find_all_string_int',
      'string, string, int -> list(string)',
      (text: string, pattern: string, limit: bigint) => new ArrayList(findAll(text, pattern, Number(limit))),
      cost,
    ),
  ],
};
