/** HPACK's Huffman code (RFC 7541, appendix B). It is canonical, so the length of each symbol's code says it all. */

/** Code lengths of the symbols 0 to 255, one digit each in base 36. The end-of-string symbol has 30 bits, all ones. */
const codeLengths =
  'dnsssssssoussussssssssusssssssss6aacd68baa8b8666555666666678f6cad67777777777777777777777878djde6f56565666577666567655677777fbeds' +
  'kmkkmmmnmnnnnnonoomnonnnnlmnmnnomlkmmnnlnmmolmnnllmlnmnnkmmmnmmnqqkjmnmpqqqrrqopjlqrrqrollqqsrrrkoklmllnmmppooqnqrqqrrrrrsrrrrrq';

interface Level {
  /** The first code of this length, and where its symbol stands in `symbols`. */
  readonly firstCode: number;
  readonly firstSymbol: number;
  readonly count: number;
}

const symbols: number[] = [];
const levels: Level[] = [];
const lengths = Array.from(codeLengths, (digit) => Number.parseInt(digit, 36));
for (let length = 0, code = 0; length <= 30; length++) {
  code *= 2;
  const ofLength = [...lengths.keys()].filter((symbol) => lengths[symbol] === length);
  levels.push({ firstCode: code, firstSymbol: symbols.length, count: ofLength.length });
  symbols.push(...ofLength);
  code += ofLength.length;
}

/** Undefined for what no encoder would have written. */
export function decodeHuffman(bytes: Uint8Array): string | undefined {
  let text = '';
  let code = 0;
  let length = 0;
  for (const byte of bytes) {
    for (let bit = 7; bit >= 0; bit--) {
      code = code * 2 + ((byte >> bit) & 1);
      const level = levels[++length];
      if (!level) return undefined;
      const offset = code - level.firstCode;
      if (offset >= level.count) continue;
      text += String.fromCharCode(symbols[level.firstSymbol + offset]!);
      code = 0;
      length = 0;
    }
  }
  // The padding: fewer than eight bits, all ones.
  return length < 8 && code === 2 ** length - 1 ? text : undefined;
}
