/**
 * Turns the struct declarations of Kubernetes' published Go API modules into the data that `src/api/codec/protobuf` decodes with.
 *
 *   node tools/kinds/generate-protobuf.ts FOLDER VERSION
 *
 * FOLDER holds the unpacked modules `k8s.io/api@VERSION`, `k8s.io/apimachinery@VERSION`, `k8s.io/apiextensions-apiserver@VERSION` and
 * `k8s.io/kube-aggregator@VERSION`. Only facts are taken: field numbers, JSON names, wire types, and whether a field is a pointer (so that an
 * explicit zero is told from an absent value). Output: `src/api/generated/protobuf.json`, whose form `src/api/codec/protobuf/messages.ts` describes.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

interface GoField {
  readonly jsonName: string;
  readonly inline: boolean;
  readonly goType: string;
  readonly number: number;
}

interface GoType {
  /** Import path of the declaring package. */
  readonly path: string;
  readonly imports: ReadonlyMap<string, string>;
  readonly fields?: readonly GoField[];
  readonly underlying?: string;
}

/** Types whose JSON form is not that of their message. */
const special: Record<string, string> = {
  'k8s.io/apimachinery/pkg/api/resource.Quantity': 'quantity',
  'k8s.io/apimachinery/pkg/util/intstr.IntOrString': 'intOrString',
  'k8s.io/apimachinery/pkg/apis/meta/v1.Time': 'time',
  'k8s.io/apimachinery/pkg/apis/meta/v1.MicroTime': 'microTime',
  'k8s.io/apimachinery/pkg/apis/meta/v1.FieldsV1': 'json',
  'k8s.io/apimachinery/pkg/runtime.RawExtension': 'json',
  'k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1.JSON': 'json',
  'k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1.JSONSchemaPropsOrArray': 'schemaOrArray',
  'k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1.JSONSchemaPropsOrBool': 'schemaOrBool',
  'k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1.JSONSchemaPropsOrStringArray': 'schemaOrStrings',
};

const types = new Map<string, GoType>();

function main(folder: string, version: string): void {
  const modules = ['api', 'apimachinery', 'apiextensions-apiserver', 'kube-aggregator'];
  for (const module of modules) {
    const root = join(folder, `${module}@${version}`);
    if (!existsSync(root)) throw new Error(`no such module: ${root}`);
    walk(root, `k8s.io/${module}`);
  }
  const messages: Record<string, Record<string, unknown>> = {};
  for (const [name, type] of [...types].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (!type.fields || !isServed(name) || special[name]) continue;
    messages[definitionName(name)] = Object.fromEntries(
      type.fields.map((field) => [field.number, render(type, field)]),
    );
  }
  const lines = Object.entries(messages).map(([name, fields]) => ` ${JSON.stringify(name)}: ${JSON.stringify(fields)}`);
  writeFileSync(join(import.meta.dirname, '../../src/api/generated/protobuf.json'), `{\n${lines.join(',\n')}\n}\n`);
  console.log(`${lines.length} messages`);
}

function isServed(name: string): boolean {
  return /\/v\d+\.\w+$/.test(name) && !/testapigroup|imagepolicy|\/examples?\//.test(name);
}

function walk(folder: string, path: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) walk(join(folder, entry.name), `${path}/${entry.name}`);
    else if (/\.go$/.test(entry.name) && !/(_test|generated.*|zz_.*)\.go$/.test(entry.name))
      parse(join(folder, entry.name), path);
  }
}

function parse(file: string, path: string): void {
  const text = readFileSync(file, 'utf8');
  const imports = new Map<string, string>();
  for (const match of text.matchAll(/^\s*(?:import\s+)?(\w+)?\s*"(k8s\.io\/[^"]+)"/gm)) {
    imports.set(match[1] ?? match[2]!.split('/').at(-1)!, match[2]!);
  }
  for (const match of text.matchAll(/^type (\w+) struct \{\n([\s\S]*?)^\}/gm)) {
    types.set(`${path}.${match[1]}`, { path, imports, fields: parseFields(match[2]!) });
  }
  for (const match of text.matchAll(/^type (\w+) struct ?\{\s*\}/gm)) {
    types.set(`${path}.${match[1]}`, { path, imports, fields: [] });
  }
  for (const match of text.matchAll(/^type (\w+) ((?:\[\]|map\[)?[\w.\]*[]+)$/gm)) {
    types.set(`${path}.${match[1]}`, { path, imports, underlying: match[2]! });
  }
}

function parseFields(body: string): GoField[] {
  const fields: GoField[] = [];
  for (const line of body.split('\n')) {
    const match = /^\t(?:(\w+)\s+)?([\w.*[\]]+)\s+`(.*)`/.exec(line);
    const number = /protobuf:"\w+,(\d+),/.exec(match?.[3] ?? '')?.[1];
    const json = /json:"([^"]*)"/.exec(match?.[3] ?? '')?.[1];
    if (!match || number === undefined || json === undefined) continue;
    const [jsonName = '', ...flags] = json.split(',');
    fields.push({
      jsonName,
      inline: flags.includes('inline') || jsonName === '',
      goType: match[2]!,
      number: Number(number),
    });
  }
  return fields;
}

/** `[json name, type, flags]`; see messages.ts. */
function render(owner: GoType, field: GoField): [string, string, string] {
  const { type, flags } = resolve(owner, field.goType);
  return [field.jsonName, type, flags + (field.inline ? 'i' : '')];
}

function resolve(owner: GoType, goType: string): { type: string; flags: string } {
  if (goType.startsWith('*')) {
    const inner = resolve(owner, goType.slice(1));
    return { type: inner.type, flags: `${inner.flags}p` };
  }
  if (goType === '[]byte') return { type: 'bytes', flags: '' };
  if (goType.startsWith('[]')) {
    const inner = resolve(owner, goType.slice(2));
    return { type: inner.type, flags: 'r' };
  }
  const map = /^map\[[\w.]+\](.+)$/.exec(goType);
  if (map) {
    const inner = resolve(owner, map[1]!);
    return { type: inner.flags.includes('r') ? `list:${inner.type}` : inner.type, flags: 'm' };
  }
  switch (goType) {
    case 'string':
      return { type: 'string', flags: '' };
    case 'bool':
      return { type: 'bool', flags: '' };
    case 'int':
    case 'int32':
    case 'int64':
    case 'uint32':
    case 'uint8':
      return { type: 'int', flags: '' };
    case 'float64':
      return { type: 'double', flags: '' };
    default:
      return resolveNamed(owner, goType);
  }
}

function resolveNamed(owner: GoType, goType: string): { type: string; flags: string } {
  const [alias, local] = goType.includes('.') ? goType.split('.') : [undefined, goType];
  const path = alias === undefined ? owner.path : owner.imports.get(alias);
  const name = `${path}.${local}`;
  if (special[name]) return { type: special[name], flags: '' };
  const type = types.get(name);
  if (!type) throw new Error(`unknown type ${goType} in ${owner.path}`);
  if (type.fields) return { type: definitionName(name), flags: '' };
  return resolve(type, type.underlying!);
}

/** `k8s.io/api/core/v1.Pod` -> `io.k8s.api.core.v1.Pod`, as in schemas.json. */
function definitionName(name: string): string {
  return name.replace('k8s.io/', 'io.k8s.').replaceAll('/', '.');
}

const [folder, version] = process.argv.slice(2);
if (!folder || !version) {
  console.error(
    'usage: node tools/kinds/generate-protobuf.ts FOLDER VERSION   (FOLDER has api@VERSION, apimachinery@VERSION, …)',
  );
  process.exit(2);
}
main(folder, version);
