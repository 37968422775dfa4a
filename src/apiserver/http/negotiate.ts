/** Content negotiation: which form of an answer the client wants most of those that there are. */
import { ApiError } from '../../api/status.ts';

export interface AcceptedType {
  readonly type: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly quality: number;
}

/** Longest Accept header that is looked at, and most clauses. */
const maxAcceptLength = 8 * 1024;
const maxClauses = 64;

/** Clauses in the client's order of preference. */
export function parseAccept(header: string | undefined): AcceptedType[] {
  const text = (header ?? '').slice(0, maxAcceptLength);
  const clauses = text.split(',').slice(0, maxClauses).map(parseClause);
  return clauses.filter((clause) => clause.type !== '' && clause.quality > 0).sort((a, b) => b.quality - a.quality);
}

function parseClause(clause: string): AcceptedType {
  const [type = '', ...rest] = clause.split(';').map((part) => part.trim());
  const parameters: Record<string, string> = {};
  for (const part of rest) {
    const at = part.indexOf('=');
    if (at > 0) parameters[part.slice(0, at).trim().toLowerCase()] = part.slice(at + 1).trim();
  }
  const quality = parameters.q === undefined ? 1 : Number(parameters.q);
  return { type: type.toLowerCase(), parameters, quality: Number.isFinite(quality) ? quality : 0 };
}

export interface Representation {
  readonly encoding: 'json' | 'yaml' | 'protobuf';
  readonly as: 'object' | 'Table' | 'PartialObjectMetadata';
  /** Of `meta.k8s.io`, where `as` is not the object itself. */
  readonly metaVersion: 'v1' | 'v1beta1';
}

export const plainJson: Representation = { encoding: 'json', as: 'object', metaVersion: 'v1' };

const encodings: Readonly<Record<string, Representation['encoding']>> = {
  'application/json': 'json',
  'application/*': 'json',
  '*/*': 'json',
  'application/yaml': 'yaml',
  'application/vnd.kubernetes.protobuf': 'protobuf',
};

/**
 * Of objects, lists and watches; what is not offered (CBOR, tables in protobuf) is passed over. Custom resources have no protobuf form: `protobuf` false.
 *
 * @throws ApiError NotAcceptable
 */
export function negotiate(header: string | undefined, protobuf = true): Representation {
  if (header === undefined || header.trim() === '') return plainJson;
  for (const { type, parameters } of parseAccept(header)) {
    const encoding = encodings[type];
    if (!encoding || (encoding === 'protobuf' && !protobuf)) continue;
    const as = transformation(parameters);
    if (as && !(encoding === 'protobuf' && as.as === 'Table')) return { encoding, ...as };
  }
  throw notAcceptable();
}

/** Whether the client takes an object as it is: what is not stored has no table and no metadata of its own. */
export function acceptsWhole(header: string | undefined): boolean {
  if (header === undefined || header.trim() === '') return true;
  return parseAccept(header).some(({ type, parameters }) => encodings[type] && parameters.as === undefined);
}

export function notAcceptable(): ApiError {
  return new ApiError(
    'NotAcceptable',
    'only the following media types are accepted: application/json, application/yaml, application/vnd.kubernetes.protobuf, application/json;stream=watch, ' +
      'application/json;as=Table;v=v1;g=meta.k8s.io, application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io',
  );
}

function transformation(parameters: AcceptedType['parameters']): Omit<Representation, 'encoding'> | undefined {
  const { as, g, v } = parameters;
  if (as === undefined) return { as: 'object', metaVersion: 'v1' };
  if (g !== 'meta.k8s.io' || (v !== 'v1' && v !== 'v1beta1')) return undefined;
  if (as === 'Table') return { as: 'Table', metaVersion: v };
  if (as === 'PartialObjectMetadata' || as === 'PartialObjectMetadataList') {
    return { as: 'PartialObjectMetadata', metaVersion: v };
  }
  return undefined;
}

const contentTypes: Readonly<Record<Representation['encoding'], string>> = {
  json: 'application/json',
  yaml: 'application/yaml',
  protobuf: 'application/vnd.kubernetes.protobuf',
};

export function contentTypeOf(representation: Representation): string {
  return contentTypes[representation.encoding];
}

/** Does the client take gzip? */
export function acceptsGzip(header: string | undefined): boolean {
  return parseAccept(header).some(({ type }) => type === 'gzip' || type === '*');
}

/** Is protobuf what the client wants most of all that it takes and there is? Of answers that every form can carry (errors). */
export function prefersProtobuf(header: string | undefined): boolean {
  const first = parseAccept(header).find(({ type }) => encodings[type] !== undefined);
  return first !== undefined && encodings[first.type] === 'protobuf';
}
