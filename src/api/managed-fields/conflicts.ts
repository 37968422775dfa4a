/** An apply that would change what others own. */
import { ApiError, type StatusCause } from '../status.ts';
import type { Manager } from './managers.ts';
import { formatPath } from './path-element.ts';

export interface Conflict {
  readonly manager: Manager;
  readonly path: readonly string[];
}

/** More causes than this are counted, but not told. */
const maxToldConflicts = 1000;

/** 409 in upstream's words, which clients show as they are. */
export function conflictError(conflicts: readonly Conflict[]): ApiError {
  const told = conflicts.slice(0, maxToldConflicts);
  const causes: StatusCause[] = told.map(({ manager, path }) => ({
    reason: 'FieldManagerConflict',
    message: `conflict with ${describe(manager)}`,
    field: formatPath(path),
  }));
  return new ApiError('Conflict', messageOf(conflicts.length, told), { causes });
}

function messageOf(count: number, conflicts: readonly Conflict[]): string {
  const [first] = conflicts;
  if (count === 1 && first) {
    return `Apply failed with 1 conflict: conflict with ${describe(first.manager)}: ${formatPath(first.path)}`;
  }
  const byManager = new Map<string, string[]>();
  for (const { manager, path } of conflicts) {
    const name = describe(manager);
    byManager.set(name, [...(byManager.get(name) ?? []), `- ${formatPath(path)}`]);
  }
  const parts = [...byManager].flatMap(([name, lines]) => [`conflicts with ${name}:`, ...lines]);
  return `Apply failed with ${count} conflicts: ${parts.join('\n')}`;
}

function describe({ name, operation, apiVersion, subresource }: Manager): string {
  const through = subresource === undefined ? '' : ` with subresource ${JSON.stringify(subresource)}`;
  const using = operation === 'Update' ? ` using ${apiVersion}` : '';
  return `${JSON.stringify(name)}${through}${using}`;
}
