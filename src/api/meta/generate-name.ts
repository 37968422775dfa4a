/** Names from `metadata.generateName`. */

/** Upstream's alphabet: no vowels (no words), nothing easily confused. */
export const nameSuffixAlphabet = 'bcdfghjklmnpqrstvwxz2456789';
export const nameSuffixLength = 5;
/** What is left of 63 for the prefix. */
const maxPrefixLength = 63 - nameSuffixLength;

/** `prefix` cut to fit, and five characters chosen by `randomIndex(n)`, a uniform whole number from 0 to n - 1. */
export function generateName(prefix: string, randomIndex: (count: number) => number): string {
  let suffix = '';
  for (let i = 0; i < nameSuffixLength; i++) suffix += nameSuffixAlphabet[randomIndex(nameSuffixAlphabet.length)];
  return prefix.slice(0, maxPrefixLength) + suffix;
}
