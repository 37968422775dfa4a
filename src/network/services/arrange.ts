/**
 * Places for endpoints in a numbered list: who stays keeps his number, so that one endpoint more or less changes a few elements in the kernel
 * whatever the length of the list. Pure.
 */
export function arrange(before: readonly string[], wanted: readonly string[]): readonly string[] {
  const missing = new Set(wanted);
  const places: (string | undefined)[] = before.map((one) => (missing.delete(one) ? one : undefined));
  for (const one of missing) {
    const hole = places.indexOf(undefined);
    if (hole < 0) places.push(one);
    else places[hole] = one;
  }
  for (;;) {
    while (places.length > 0 && places.at(-1) === undefined) places.pop();
    const hole = places.indexOf(undefined);
    if (hole < 0) break;
    places[hole] = places.pop();
  }
  const result = places as string[];
  return result.length === before.length && result.every((one, i) => one === before[i]) ? before : result;
}
