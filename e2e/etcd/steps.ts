/**
 * What is asked of both, in order, as arguments of etcdctl. Text in braces is what an earlier step captured from the same side. Keys are below
 * `cmp/`, so that a Kubernetes cluster's own keys do not matter.
 */
export interface Step {
  readonly name: string;
  readonly args: string;
  readonly program?: 'etcdctl' | 'etcdutl';
  readonly stdin?: string;
  /** Goes on running: these are run meanwhile, then it gets SIGINT. */
  readonly meanwhile?: readonly string[];
  /** Remembers the first group of the pattern under a name. */
  readonly capture?: readonly [name: string, pattern: RegExp];
  /** Waited before. */
  readonly pauseMs?: number;
  /** Only what it captures counts. */
  readonly setup?: boolean;
}

const errors = 'put cmp/e 1';

export const steps: readonly Step[] = [
  { name: 'put', args: 'put cmp/a 1' },
  { name: 'put, json', args: 'put cmp/b 2 -w json', capture: ['rev', /"revision":(\d+)/] },
  { name: 'put, fields', args: 'put cmp/c 3 -w fields' },
  { name: 'put with the previous value', args: 'put cmp/a 11 --prev-kv' },
  { name: 'put from stdin', args: 'put cmp/d', stdin: 'from stdin' },
  { name: 'put that keeps the value', args: 'put cmp/a --ignore-value' },
  { name: 'put that keeps the value of a missing key', args: 'put cmp/missing --ignore-value' },
  { name: 'put that keeps the lease of a missing key', args: 'put cmp/missing x --ignore-lease' },
  { name: 'put without a value', args: 'put cmp/a' },
  { name: 'put with an unknown lease', args: 'put cmp/a 1 --lease=1234' },
  { name: 'get', args: 'get cmp/a' },
  { name: 'get, json', args: 'get cmp/a -w json' },
  { name: 'get, fields', args: 'get cmp/a -w fields' },
  { name: 'get, hex', args: 'get cmp/a --hex' },
  { name: 'get a missing key', args: 'get cmp/missing' },
  { name: 'get a missing key, json', args: 'get cmp/missing -w json' },
  { name: 'get a prefix', args: 'get cmp/ --prefix' },
  { name: 'get a prefix, keys only', args: 'get cmp/ --prefix --keys-only' },
  { name: 'get a prefix, count only', args: 'get cmp/ --prefix --count-only -w fields' },
  { name: 'get from a key', args: 'get cmp/c --from-key' },
  { name: 'get a range', args: 'get cmp/a cmp/c' },
  { name: 'get with a limit', args: 'get cmp/ --prefix --limit=2 -w json' },
  { name: 'get sorted by value, descending', args: 'get cmp/ --prefix --sort-by=VALUE --order=DESCEND' },
  { name: 'get sorted by version', args: 'get cmp/ --prefix --sort-by=VERSION --order=ASCEND --limit=1' },
  { name: 'get at a revision', args: 'get cmp/a --rev={rev}' },
  { name: 'get at a future revision', args: 'get cmp/a --rev=999999999' },
  { name: 'get, serializable', args: 'get cmp/a --consistency=s' },
  { name: 'get values only', args: 'get cmp/ --prefix --print-value-only' },
  { name: 'an empty key', args: 'put {empty} x' },
  { name: 'del', args: 'del cmp/d' },
  { name: 'del, previous', args: 'del cmp/c --prev-kv' },
  { name: 'del a missing key', args: 'del cmp/c' },
  { name: 'del, json', args: 'del cmp/c -w json' },
  {
    name: 'txn, success',
    args: 'txn --interactive',
    stdin: 'value("cmp/a") = "11"\nversion("cmp/b") > "0"\n\nput cmp/t 1\nget cmp/a\ndel cmp/b\n\nget cmp/b\n\n',
  },
  { name: 'txn, failure', args: 'txn -i', stdin: 'mod("cmp/a") = "0"\n\nput cmp/t 2\n\nget cmp/t\n\n' },
  { name: 'txn, json', args: 'txn -i -w json', stdin: 'create("cmp/none") = "0"\n\nput cmp/t 3\nget cmp/t\n\n\n' },
  { name: 'txn, a key twice', args: 'txn -i', stdin: '\nput cmp/t 1\nput cmp/t 2\n\n\n' },
  { name: 'txn, a lease', args: 'txn -i', stdin: 'lease("cmp/a") = "0"\n\nget cmp/a\n\n\n' },
  {
    name: 'watch',
    args: 'watch cmp/w --prefix --prev-kv',
    meanwhile: ['put cmp/w1 one', 'put cmp/w1 two', 'del cmp/w1', 'put cmp/x other'],
  },
  { name: 'watch from history', args: 'watch cmp/w1 --rev={rev} -w json', meanwhile: [] },
  { name: 'watch, progress on request', args: 'watch cmp/w -i', stdin: 'progress\n', meanwhile: [] },
  { name: 'lease grant', args: 'lease grant 300', capture: ['lease', /lease ([0-9a-f]+) granted/] },
  { name: 'lease grant, json', args: 'lease grant 300 -w json' },
  { name: 'put with a lease', args: 'put cmp/l 1 --lease={lease}' },
  { name: 'get with a lease, json', args: 'get cmp/l -w json' },
  { name: 'lease timetolive', args: 'lease timetolive {lease} --keys' },
  { name: 'lease timetolive of an unknown one', args: 'lease timetolive 4711' },
  { name: 'lease list', args: 'lease list' },
  { name: 'lease keep-alive', args: 'lease keep-alive {lease} --once' },
  { name: 'lease keep-alive of an unknown one', args: 'lease keep-alive 4711 --once' },
  { name: 'lease revoke', args: 'lease revoke {lease}' },
  { name: 'lease revoke again', args: 'lease revoke {lease}' },
  { name: 'the key went with the lease', args: 'get cmp/l' },
  { name: 'lease grant, too long', args: 'lease grant 9000000001' },
  { name: 'lock with a command', args: 'lock cmp-lock echo held' },
  { name: 'lock with a failing command', args: 'lock cmp-lock -- sh -c {exit3}' },
  { name: 'lock', args: 'lock cmp-lock', meanwhile: [] },
  { name: 'elect', args: 'elect cmp-election me', meanwhile: [] },
  { name: 'elect, listen', args: 'elect cmp-election --listen', meanwhile: [] },
  { name: 'setup', args: errors, setup: true },
  { name: 'setup', args: 'put cmp/e 2 -w json', setup: true, capture: ['compact', /"revision":(\d+)/] },
  { name: 'compaction', args: 'compaction {compact}' },
  { name: 'compaction again', args: 'compaction {compact}' },
  { name: 'compaction of the future', args: 'compaction 999999999' },
  { name: 'setup', args: 'put cmp/e 3 -w json', setup: true, capture: ['compact', /"revision":(\d+)/] },
  { name: 'compaction, physical', args: 'compaction {compact} --physical' },
  { name: 'get what was compacted', args: 'get cmp/a --rev={rev}' },
  { name: 'watch what was compacted', args: 'watch cmp/a --rev={rev}', meanwhile: [] },
  { name: 'endpoint health', args: 'endpoint health' },
  { name: 'endpoint health, json', args: 'endpoint health -w json' },
  { name: 'endpoint status', args: 'endpoint status' },
  { name: 'endpoint status, table', args: 'endpoint status -w table' },
  { name: 'endpoint hashkv', args: 'endpoint hashkv' },
  { name: 'defrag', args: 'defrag' },
  { name: 'alarm list', args: 'alarm list' },
  { name: 'alarm disarm', args: 'alarm disarm' },
  { name: 'auth status', args: 'auth status' },
  { name: 'snapshot save', args: 'snapshot save {dir}/snapshot.db' },
  { name: 'snapshot status', program: 'etcdutl', args: 'snapshot status {dir}/snapshot.db' },
  { name: 'snapshot status, table', program: 'etcdutl', args: 'snapshot status {dir}/snapshot.db -w table' },
  {
    name: 'snapshot restore',
    program: 'etcdutl',
    args: 'snapshot restore {dir}/snapshot.db --data-dir {dir}/restored',
  },
  { name: 'member list', args: 'member list' },
  { name: 'member list, table', args: 'member list -w table' },
  {
    name: 'setup',
    args: 'endpoint status --cluster -w json',
    setup: true,
    capture: ['leader', /"leader":(\d+)/],
  },
  { name: 'move-leader to nobody', args: 'move-leader abcdef' },
  { name: 'move-leader', args: 'move-leader {follower}' },
  { name: 'downgrade cancel', args: 'downgrade cancel' },
  {
    name: 'member add',
    args: 'member add new --peer-urls=https://127.0.0.1:59999 --learner',
    capture: ['added', /Member +([0-9a-f]+) added/],
  },
  {
    name: 'member add again',
    args: 'member add new --peer-urls=https://127.0.0.1:59999 --learner',
    // Within the same second etcd gives the same id again and complains of that instead.
    pauseMs: 1_500,
  },
  { name: 'member add, no URL', args: 'member add new --peer-urls=nonsense --learner' },
  { name: 'member list with it', args: 'member list' },
  { name: 'member update', args: 'member update {added} --peer-urls=https://127.0.0.1:59998' },
  { name: 'member promote', args: 'member promote {added}' },
  { name: 'member remove', args: 'member remove {added}' },
  { name: 'member remove, unknown', args: 'member remove abcdef' },
  { name: 'del everything', args: 'del cmp/ --prefix' },
];
