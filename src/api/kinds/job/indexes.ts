/** Completion indexes in their short form: `1,3-5,7`, increasing. */

/** How many they are, or what is wrong. Every one must be below `completions`. */
export function parseIndexes(text: string, completions: number): number | string {
  if (text === '') return 0;
  let total = 0;
  let last: number | undefined;
  for (const part of text.split(',')) {
    const bounds = part.split('-');
    if (bounds.length > 2)
      return `the fragment ${JSON.stringify(part)} violates the requirement that an index interval can have at most two parts separated by '-'`;
    const [first = Number.NaN, second = first] = bounds.map((bound) =>
      /^\d+$/.test(bound) ? Number(bound) : Number.NaN,
    );
    if (Number.isNaN(first) || Number.isNaN(second))
      return `cannot convert string to integer for index: ${JSON.stringify(part)}`;
    if (first >= completions) return `too large index: ${JSON.stringify(bounds[0])}`;
    if (second >= completions) return `too large index: ${JSON.stringify(bounds[1])}`;
    if (bounds.length === 2 && first >= second) return `non-increasing order, previous: ${first}, current: ${second}`;
    if (last !== undefined && last >= first) return `non-increasing order, previous: ${last}, current: ${first}`;
    last = second;
    total += second - first + 1;
  }
  return total;
}
