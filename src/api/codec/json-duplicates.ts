/** Finds keys that occur twice in one JSON object, which `JSON.parse` passes over in silence. */

/** No more than this many are told. */
const maxReported = 100;

/**
 * Paths (`spec.replicas`, `spec.containers[1].name`) of repeated keys, each once, in document order.
 * `text` must be valid JSON: this scan checks nothing.
 */
export function findDuplicateJsonFields(text: string): string[] {
  const scanner = new Scanner(text);
  scanner.value('');
  return scanner.duplicates;
}

const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const closeBracket = 0x5d;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const openBrace = 0x7b;

class Scanner {
  readonly duplicates: string[] = [];
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  value(path: string): void {
    const code = this.#skipSpace();
    if (code === openBrace) this.#object(path);
    else if (code === openBracket) this.#array(path);
    else if (code === quote) this.#string();
    else this.#literal();
  }

  #object(path: string): void {
    const seen = new Set<string>();
    const reported = new Set<string>();
    this.#at++;
    while (this.#skipSpace() !== closeBrace) {
      const key = this.#string();
      const inner = path === '' ? key : `${path}.${key}`;
      if (seen.has(key) && !reported.has(key)) {
        reported.add(key);
        if (this.duplicates.length < maxReported) this.duplicates.push(inner);
      }
      seen.add(key);
      this.#skipSpace();
      this.#at++; // the colon
      this.value(inner);
      if (this.#skipSpace() === comma) this.#at++;
    }
    this.#at++;
  }

  #array(path: string): void {
    this.#at++;
    for (let index = 0; this.#skipSpace() !== closeBracket; index++) {
      this.value(`${path}[${index}]`);
      if (this.#skipSpace() === comma) this.#at++;
    }
    this.#at++;
  }

  #string(): string {
    const start = this.#at;
    for (let at = start + 1; ; at++) {
      const code = this.#text.charCodeAt(at);
      if (code === backslash) at++;
      else if (code === quote) {
        this.#at = at + 1;
        const raw = this.#text.slice(start + 1, at);
        return raw.includes('\\') ? JSON.parse(`"${raw}"`) : raw;
      }
    }
  }

  #literal(): void {
    for (; this.#at < this.#text.length; this.#at++) {
      const code = this.#text.charCodeAt(this.#at);
      if (code === comma || code === closeBrace || code === closeBracket || code <= 0x20) return;
    }
  }

  #skipSpace(): number {
    while (this.#at < this.#text.length && this.#text.charCodeAt(this.#at) <= 0x20) this.#at++;
    return this.#text.charCodeAt(this.#at);
  }
}
