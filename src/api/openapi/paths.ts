/** The paths of one resource, with what clients read from them: kinds, media types, parameters. */
import { groupVersionPath, type ServedResource } from '../discovery/groups.ts';
import type { GroupVersionKind } from '../types.ts';
import { schemaRef } from './components.ts';
import {
  deleteParameters,
  listParameters,
  type Parameter,
  patchParameters,
  pathParameter,
  pretty,
  writeParameters,
} from './parameters.ts';

const metaPrefix = 'io.k8s.apimachinery.pkg.apis.meta.v1';
const patchSchema = `${metaPrefix}.Patch`;
const statusSchema = `${metaPrefix}.Status`;
const deleteOptionsSchema = `${metaPrefix}.DeleteOptions`;
const patchTypes = [
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
  'application/apply-patch+yaml',
];
const bodyTypes = ['application/json', 'application/yaml'];

type PathItem = Record<string, unknown>;

export interface ResourcePaths {
  readonly paths: Readonly<Record<string, PathItem>>;
  /** Definitions that the operations refer to. */
  readonly schemas: readonly string[];
}

/** `schemaOf` names the definition of a subresource's kind; undefined when it has none (exec options). */
export function resourcePaths(
  resource: ServedResource,
  schemaOf: (kind: GroupVersionKind) => string | undefined,
): ResourcePaths {
  const schemas = new Set<string>();
  const refer = (name: string) => {
    schemas.add(name);
    return schemaRef(name);
  };
  const base = groupVersionPath(resource);
  const scope = resource.namespaced ? `${base}/namespaces/{namespace}` : base;
  const scopeParameters = resource.namespaced ? [pathParameter('namespace'), pretty] : [pretty];
  const itemParameters = [pathParameter('name'), ...scopeParameters];
  const kind: GroupVersionKind = { group: resource.group, version: resource.version, kind: resource.kind };
  const can = (verb: string) => resource.verbs.includes(verb);
  const paths: Record<string, PathItem> = {};
  const add = (path: string, parameters: readonly Parameter[], operations: PathItem) => {
    if (Object.keys(operations).length > 0) paths[path] = { ...operations, parameters };
  };

  const list = () => read('list', kind, refer(`${resource.schema}List`), listParameters);
  add(`${scope}/${resource.resource}`, scopeParameters, {
    ...(can('list') && { get: list() }),
    ...(can('create') && { post: write('post', kind, refer(resource.schema)) }),
    ...(can('deletecollection') && {
      delete: remove('deletecollection', kind, refer, [...listParameters, ...deleteParameters]),
    }),
  });
  if (resource.namespaced && can('list')) {
    add(`${base}/${resource.resource}`, [pretty], { get: list() });
  }
  add(`${scope}/${resource.resource}/{name}`, itemParameters, {
    ...(can('get') && { get: read('get', kind, refer(resource.schema), []) }),
    ...(can('update') && { put: write('put', kind, refer(resource.schema)) }),
    ...(can('patch') && { patch: patch(kind, refer, resource) }),
    ...(can('delete') && { delete: remove('delete', kind, refer, deleteParameters) }),
  });
  for (const subresource of resource.subresources) {
    const schema = schemaOf(subresource.kind);
    const offers = (verb: string) => subresource.verbs.includes(verb);
    const operations: PathItem = {};
    if (schema === undefined || subresource.name === 'log') {
      const text = { type: 'string' };
      if (offers('get')) operations.get = connect(subresource.kind, text);
      if (offers('create')) operations.post = connect(subresource.kind, text);
    } else {
      if (offers('get')) operations.get = read('get', subresource.kind, refer(schema), []);
      if (offers('create')) operations.post = write('post', subresource.kind, refer(schema));
      if (offers('update')) operations.put = write('put', subresource.kind, refer(schema));
      if (offers('patch')) operations.patch = patch(subresource.kind, refer, { ...resource, schema });
    }
    add(`${scope}/${resource.resource}/{name}/${subresource.name}`, itemParameters, operations);
  }
  return { paths, schemas: [...schemas] };
}

type Refer = (name: string) => object;

function content(types: readonly string[], schema: object): object {
  return Object.fromEntries(types.map((type) => [type, { schema }]));
}

function answers(schema: object, ...codes: string[]): object {
  const answer = { description: 'OK', content: content(bodyTypes, schema) };
  return { ...Object.fromEntries(codes.map((code) => [code, answer])), '401': { description: 'Unauthorized' } };
}

function operation(action: string, kind: GroupVersionKind, parameters: readonly Parameter[], rest: object): object {
  return {
    parameters,
    ...rest,
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': { group: kind.group, kind: kind.kind, version: kind.version },
  };
}

function read(action: string, kind: GroupVersionKind, schema: object, parameters: readonly Parameter[]): object {
  return operation(action, kind, parameters, { responses: answers(schema, '200') });
}

function write(action: 'post' | 'put', kind: GroupVersionKind, schema: object): object {
  const requestBody = { content: content(bodyTypes, schema), required: true };
  const codes = action === 'post' ? ['200', '201', '202'] : ['200', '201'];
  return operation(action, kind, writeParameters, { requestBody, responses: answers(schema, ...codes) });
}

function patch(
  kind: GroupVersionKind,
  refer: Refer,
  { schema, custom }: Pick<ServedResource, 'schema' | 'custom'>,
): object {
  const types = custom ? patchTypes.filter((type) => !type.includes('strategic')) : patchTypes;
  const requestBody = { content: content(types, refer(patchSchema)), required: true };
  return operation('patch', kind, patchParameters, { requestBody, responses: answers(refer(schema), '200', '201') });
}

function remove(action: string, kind: GroupVersionKind, refer: Refer, parameters: readonly Parameter[]): object {
  const requestBody = { content: content(bodyTypes, refer(deleteOptionsSchema)) };
  return operation(action, kind, parameters, { requestBody, responses: answers(refer(statusSchema), '200', '202') });
}

function connect(kind: GroupVersionKind, schema: object): object {
  const responses = { '200': { description: 'OK', content: { '*/*': { schema } } } };
  return operation('connect', kind, [], { responses });
}
