/**
 * Turns Kubernetes' published list of default roles and bindings into the data that `src/apiserver/authorization/rbac` starts a cluster with.
 *
 *   node tools/kinds/generate-rbac.ts FOLDER
 *
 * FOLDER holds the release's default policy as YAML lists (cluster-roles.yaml, cluster-role-bindings.yaml, controller-roles.yaml,
 * controller-role-bindings.yaml, namespace-roles.yaml, namespace-role-bindings.yaml). Output, committed:
 *
 *   src/apiserver/authorization/rbac/default-policy.json     the objects without what all have in common
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

interface PolicyObject {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly labels?: Record<string, string> };
  readonly rules?: readonly object[] | null;
  readonly aggregationRule?: object;
  readonly roleRef?: { readonly kind: string; readonly name: string };
  readonly subjects?: readonly object[];
}

const files = [
  'cluster-roles',
  'controller-roles',
  'namespace-roles',
  'cluster-role-bindings',
  'controller-role-bindings',
  'namespace-role-bindings',
];
const bootstrapLabel = 'kubernetes.io/bootstrapping';
const output = new URL('../../src/apiserver/authorization/rbac/default-policy.json', import.meta.url);

function main(folder: string): void {
  const objects = files.flatMap((file) => {
    const list = parse(readFileSync(join(folder, `${file}.yaml`), 'utf8')) as { items: PolicyObject[] };
    return list.items.map(compact);
  });
  writeFileSync(output, `[\n${objects.map((object) => JSON.stringify(object)).join(',\n')}\n]\n`);
  console.log(`${objects.length} roles and bindings`);
}

function compact({ kind, metadata, rules, aggregationRule, roleRef, subjects }: PolicyObject): object {
  const { [bootstrapLabel]: _, ...labels } = metadata.labels ?? {};
  return {
    kind,
    name: metadata.name,
    ...(metadata.namespace && { namespace: metadata.namespace }),
    ...(Object.keys(labels).length > 0 && { labels }),
    ...(aggregationRule && { aggregationRule }),
    ...(rules && { rules }),
    ...(roleRef && { roleRef: { kind: roleRef.kind, name: roleRef.name } }),
    ...(subjects && { subjects }),
  };
}

const folder = process.argv[2];
if (folder === undefined) {
  console.error(
    'usage: node tools/kinds/generate-rbac.ts FOLDER   (the default policy of a Kubernetes release, as YAML)',
  );
  process.exit(2);
}
main(folder);
