/** `url("https://…")` in expressions: absolute URLs and absolute paths. */
import { traversal } from '../../lib/cel/cost/costs.ts';
import { CelEvaluationError, fixedCost, fn, type Library, method, OpaqueValue } from '../../lib/cel/index.ts';
import { ArrayList, EntryMap } from '../../lib/cel/values.ts';

interface Parts {
  readonly scheme: string;
  readonly host: string;
  readonly path: string;
  readonly query: string;
}

export class UrlValue extends OpaqueValue {
  readonly typeName = 'kubernetes.URL';
  readonly text: string;
  readonly parts: Parts;

  constructor(text: string, parts: Parts) {
    super();
    this.text = text;
    this.parts = parts;
  }

  equals(other: OpaqueValue): boolean {
    return other instanceof UrlValue && other.text === this.text;
  }

  toJson(): string {
    return this.text;
  }
}

const pattern = /^(?:([a-zA-Z][a-zA-Z0-9+.-]*):\/\/(?:[^/?#@]*@)?([^/?#]*)|)((?:\/[^?#]*)?)(?:\?([^#]*))?$/;
const unescapable = /[\s<>"{}|\\^`]|%(?![0-9a-fA-F]{2})/;
const unprintable = /[\p{Cc} ]/u;

/** Undefined where Go's ParseRequestURI would not take it. */
export function parseUrl(text: string): Parts | undefined {
  const match = pattern.exec(text);
  if (!match || text === '' || unprintable.test(text)) return undefined;
  const [, scheme, host = '', path = '', query = ''] = match;
  if (scheme === undefined && path === '') return undefined;
  if (unescapable.test(host) || /%(?![0-9a-fA-F]{2})/.test(path)) return undefined;
  if (/:[^\]]*$/.test(host) && !/:\d*$/.test(host)) return undefined;
  return { scheme: scheme?.toLowerCase() ?? '', host, path, query };
}

function read(text: string): UrlValue {
  const parts = parseUrl(text);
  if (!parts) {
    throw new CelEvaluationError(
      `URL parse error during conversion from string: parse ${JSON.stringify(text)}: invalid URI for request`,
    );
  }
  return new UrlValue(text, parts);
}

function hostname(host: string): string {
  const bracketed = /^\[([^\]]*)\]/.exec(host);
  return bracketed ? bracketed[1]! : host.replace(/:\d*$/, '');
}

function port(host: string): string {
  return /:(\d+)$/.exec(host)?.[1] ?? '';
}

function escapedPath(path: string): string {
  return path.replace(/[^\w\-.~%!$&'()*+,;=:@/[\]]/gu, (letter) => encodeURIComponent(letter));
}

function queryOf(query: string): EntryMap {
  const values = new Map<string, string[]>();
  for (const [name, value] of new URLSearchParams(query)) values.set(name, [...(values.get(name) ?? []), value]);
  const map = new EntryMap();
  for (const [name, list] of values) map.insert(name, new ArrayList(list));
  return map;
}

function accessor(name: string, id: string, result: string, get: (parts: Parts) => string | EntryMap) {
  return method(name, id, `kubernetes.URL -> ${result}`, ({ parts }: UrlValue) => get(parts), fixedCost(1));
}

export const urlLibrary: Library = {
  overloads: [
    fn('url', 'string_to_url', 'string -> kubernetes.URL', read, traversal(0, { keepsSize: true })),
    fn('isURL', 'is_url_string', 'string -> bool', (text: string) => parseUrl(text) !== undefined),
    accessor('getScheme', 'url_get_scheme', 'string', ({ scheme }) => scheme),
    accessor('getHost', 'url_get_host', 'string', ({ host }) => host),
    accessor('getHostname', 'url_get_hostname', 'string', ({ host }) => hostname(host)),
    accessor('getPort', 'url_get_port', 'string', ({ host }) => port(host)),
    accessor('getEscapedPath', 'url_get_escaped_path', 'string', ({ path }) => escapedPath(path)),
    accessor('getQuery', 'url_get_query', 'map(string, list(string))', ({ query }) => queryOf(query)),
  ],
};
