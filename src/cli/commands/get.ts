/** `trimast get RESOURCE [NAME]`: a table as the server prints it, or the objects. */
import { stringify } from 'yaml';
import { listQuery, resourcePath } from '../../client/paths.ts';
import { type ApiOptions, type ApiSession, withSession } from '../api/api-session.ts';
import { parseTarget } from '../api/target.ts';
import { CliError } from '../cli-error.ts';
import { renderTable } from '../render-table.ts';

const tableAccept = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json';

export interface GetOptions extends ApiOptions {
  readonly output?: string | undefined;
  readonly selector?: string | undefined;
  readonly allNamespaces?: boolean | undefined;
}

/** `meta.k8s.io/v1` Table, as far as it is printed here. */
interface Table {
  readonly columnDefinitions: readonly { readonly name: string; readonly priority: number }[];
  readonly rows?: readonly {
    readonly cells: readonly unknown[];
    readonly object?: { readonly metadata?: { readonly namespace?: string } };
  }[];
}

export async function get(typed: string, name: string | undefined, options: GetOptions): Promise<void> {
  const target = parseTarget(typed, name);
  await withSession(options, async (session) => {
    const path = await requestPath(session, target.resource, target.name, options);
    switch (options.output) {
      case undefined:
      case 'wide':
        process.stdout.write(await table(session, path, options));
        return;
      case 'json':
        process.stdout.write(`${JSON.stringify(JSON.parse(await session.client.raw(path)), undefined, 2)}\n`);
        return;
      case 'yaml':
        process.stdout.write(stringify(JSON.parse(await session.client.raw(path))));
        return;
      default:
        throw new CliError(`--output ${options.output}: expected wide, json or yaml`, { exitCode: 2 });
    }
  });
}

async function requestPath(
  session: ApiSession,
  typed: string,
  name: string | undefined,
  options: GetOptions,
): Promise<string> {
  const resource = await session.resource(typed);
  const namespace = options.allNamespaces ? undefined : session.namespaceFor(resource);
  if (name === undefined) {
    const query = listQuery({ labelSelector: options.selector }).toString();
    return resourcePath(resource, namespace) + (query && `?${query}`);
  }
  if (options.allNamespaces) throw new CliError('a name goes with one namespace, not with all', { exitCode: 2 });
  return resourcePath(resource, namespace, name);
}

async function table(session: ApiSession, path: string, options: GetOptions): Promise<string> {
  const { columnDefinitions, rows = [] } = JSON.parse(await session.client.raw(path, tableAccept)) as Table;
  if (rows.length === 0) return 'No resources found.\n';
  const shown = [...columnDefinitions.keys()].filter(
    (index) => options.output === 'wide' || columnDefinitions[index]!.priority === 0,
  );
  const withNamespace = (namespace: string, cells: string[]) => (options.allNamespaces ? [namespace, ...cells] : cells);
  return renderTable([
    withNamespace(
      'NAMESPACE',
      shown.map((index) => columnDefinitions[index]!.name.toUpperCase()),
    ),
    ...rows.map((row) =>
      withNamespace(
        row.object?.metadata?.namespace ?? '',
        shown.map((index) => String(row.cells[index] ?? '')),
      ),
    ),
  ]);
}
