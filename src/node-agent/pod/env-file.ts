/**
 * Reads one variable of an env file (`fileKeyRef`): lines of `NAME='value'`, where the value stands in single quotes, is taken as it is and may
 * go over several lines; blank lines and `#` comments are skipped. A space after `=` means the empty value, as in a shell. Pure.
 */

/** The value of `key`; undefined when the file does not set it or sets it to nothing. @throws Error naming the line that is not understood */
export function envFileValue(text: string, key: string): string | undefined {
  const lines = text.split('\n').map((line) => line.replace(/\r$/, ''));
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i]!.replace(/^[ \t]+/, '');
    if (line === '' || line.startsWith('#')) continue;
    const [, name, rest] = /^([^=]*)=(.*)$/.exec(line) ?? [];
    if (name === undefined || rest === undefined) throw invalid(i, "there is no '='");
    if (name === '' || /[ \t]$/.test(name)) throw invalid(i, "a name must stand right before '='");
    if (rest === '' || /^[ \t]/.test(rest)) {
      if (rest === '') throw invalid(i, 'the value must stand in single quotes');
      if (name === key) return undefined;
      continue;
    }
    if (!rest.startsWith("'")) throw invalid(i, 'the value must stand in single quotes');
    const first = i;
    let open = rest.slice(1);
    const parts: string[] = [];
    while (!open.includes("'")) {
      parts.push(open);
      i++;
      if (i >= lines.length) throw invalid(first, 'the quote is not closed');
      open = lines[i]!;
    }
    const end = open.indexOf("'");
    if (!/^[ \t]*(#.*)?$/.test(open.slice(end + 1))) throw invalid(i, 'something stands after the closing quote');
    parts.push(open.slice(0, end));
    if (name === key) return parts.join('\n') || undefined;
  }
  return undefined;
}

function invalid(index: number, why: string): Error {
  return new Error(`couldn't parse env file: line ${index + 1}: ${why}`);
}
