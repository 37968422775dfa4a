/** The command line: what there is and which options it takes. A command's code is loaded only when it is run. */
import { Command, InvalidArgumentError } from 'commander';

const memberHelp = 'a name of "trimast status", "leader" or "all-masters"';

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) throw new InvalidArgumentError('expected a whole number.');
  return value;
}

const collect = (value: string, before: string[] = []): string[] => [...before, value];

const commaSeparated = (value: string): string[] => value.split(',').filter((part) => part !== '');
const disableHelp = 'scheduler, controllers or single controllers that others play, with commas between';

export function createProgram(): Command {
  const program = new Command('trimast')
    .description('A Kubernetes-compatible, highly available control plane with its own Raft inside.')
    .option('--dir <folder>', 'folder of the cluster (default: $TRIMAST_DIR, else .trimast in the repository)')
    .enablePositionalOptions()
    .showHelpAfterError('See "trimast help" for the commands.')
    .configureHelp({ showGlobalOptions: true });
  addClusterCommands(program);
  addBackupCommands(program);
  addMemberCommands(program);
  addChaosCommands(program);
  addApiCommands(program);
  addProjectCommands(program);
  addLongRunningCommands(program);
  addPkiCommands(program);
  return program;
}

/** A command about one cluster. */
function clusterCommand(program: Command, nameAndArgs: string, description: string): Command {
  return program.command(nameAndArgs).description(description).option('--dir <folder>', 'folder of the cluster');
}

function addClusterCommands(program: Command): void {
  program.commandsGroup('Cluster on this machine:');
  clusterCommand(program, 'up', 'make a cluster, or start whatever of it is not running')
    .option('--masters <n>', 'masters (default 3); a cluster that is there grows or shrinks', wholeNumber)
    .option('--workers <n>', 'workers of a new cluster (default 2)', wholeNumber)
    .option('--hollow <n>', 'nodes without containers that one more process plays (default 0)', wholeNumber)
    .option('--node-grace-seconds <n>', 'a silent node is not ready after this long (new clusters)', wholeNumber)
    .option('--eviction-seconds <n>', 'pods leave a node not ready for this long (new clusters)', wholeNumber)
    .option(
      '--scrub-seconds <n>',
      'pause between two searches for damaged data (default 600; new clusters)',
      wholeNumber,
    )
    .option('--apiserver-config <file>', 'auditing, OIDC, webhooks: "apiServer" of the masters, as JSON (new clusters)')
    .option('--ip-family <family>', 'ipv4 or dual: what pods and Services have (default ipv4; new clusters)')
    .option('--disable <parts>', `${disableHelp} (new clusters)`, commaSeparated)
    .option('--backup-schedule <when>', 'the leader makes backups: 6h, or cron fields in UTC (new clusters)')
    .option('--backup-to <place>', 'folder or s3://bucket/prefix (default: backups in the folder of the cluster)')
    .option('--backup-keep <n>', 'how many are kept (default 7)', wholeNumber)
    .option('--s3-endpoint <url>', 'S3-compatible storage (default: $AWS_ENDPOINT_URL, else Amazon)')
    .option('--s3-region <name>', 'default: $AWS_REGION, else us-east-1')
    .option('--s3-credentials <file>', 'AWS_ACCESS_KEY_ID=... lines or an AWS credentials file (default: environment)')
    .action(async (_, command: Command) => (await import('./commands/up.ts')).up(command.optsWithGlobals()));
  clusterCommand(program, 'down', 'end everything of the cluster')
    .option('--purge', 'remove its data too')
    .action(async (_, command: Command) => (await import('./commands/down.ts')).down(command.optsWithGlobals()));
  clusterCommand(program, 'status', 'members, who leads, how far each replica is')
    .option('-o, --output <format>', 'json')
    .action(async (_, command: Command) => (await import('./commands/status.ts')).status(command.optsWithGlobals()));
  const image = program.command('image').description('container images of the workers');
  clusterCommand(image, 'load <file>', 'import an OCI or Docker archive into every worker')
    .option('--name <reference>', 'name for the image, when the archive has only one')
    .action(async (file: string, _, command: Command) =>
      (await import('./commands/image-load.ts')).imageLoad(file, command.optsWithGlobals()),
    );
}

function addBackupCommands(program: Command): void {
  program.commandsGroup('Safety:');
  clusterCommand(program, 'recover', 'bring back a cluster whose masters have lost their majority for good')
    .option('--dry-run', 'show what is left and what would be done')
    .option('--yes', 'do not ask')
    .action(async (_, command: Command) => (await import('./commands/recover.ts')).recover(command.optsWithGlobals()));
  const member = program.command('member').description('masters: list, add, remove, replace, promote');
  const load = () => import('./commands/member.ts');
  clusterCommand(member, 'list', 'who is a member, who votes, how far each is')
    .option('-o, --output <format>', 'json')
    .action(async (_, command: Command) => (await load()).memberList(command.optsWithGlobals()));
  clusterCommand(member, 'add [name]', 'one master more; it votes as soon as it has caught up').action(
    async (name: string | undefined, _, command: Command) => (await load()).memberAdd(name, command.optsWithGlobals()),
  );
  clusterCommand(member, 'remove <name>', 'one master less; refused when the rest could not work').action(
    async (name: string, _, command: Command) => (await load()).memberRemove(name, command.optsWithGlobals()),
  );
  clusterCommand(member, 'replace <name>', 'a new master takes the place of one that is dead, in one step')
    .option('--by <name>', 'name of the new one')
    .action(async (name: string, _, command: Command) => (await load()).memberReplace(name, command.optsWithGlobals()));
  clusterCommand(member, 'promote <name>', 'make a learner vote').action(async (name: string, _, command: Command) =>
    (await load()).memberPromote(name, command.optsWithGlobals()),
  );
  const backup = program
    .command('backup')
    .description('the state of the cluster as a file: create, list, verify, restore');
  const placed = (nameAndArgs: string, description: string) =>
    clusterCommand(backup, nameAndArgs, description)
      .option('--s3-endpoint <url>', 'S3-compatible storage (default: $AWS_ENDPOINT_URL, else Amazon)')
      .option('--s3-region <name>', 'default: $AWS_REGION, else us-east-1')
      .option(
        '--s3-credentials <file>',
        'AWS_ACCESS_KEY_ID=... lines or an AWS credentials file (default: environment)',
      );
  const to = ['--to <place>', 'folder or s3://bucket/prefix (default: backups in the folder of the cluster)'] as const;
  placed('create', 'make one while the cluster runs: everything acknowledged so far, at one revision')
    .option(...to)
    .option('--compression <name>', 'none, gzip or zstd', 'zstd')
    .action(async (_, command: Command) =>
      (await import('./commands/backup.ts')).backupCreate(command.optsWithGlobals()),
    );
  placed('list', 'what is there')
    .option(...to)
    .option('-o, --output <format>', 'json')
    .action(async (_, command: Command) =>
      (await import('./commands/backup.ts')).backupList(command.optsWithGlobals()),
    );
  placed('verify <file>', 'read one to its end and compare every checksum').action(
    async (file: string, _, command: Command) =>
      (await import('./commands/backup.ts')).backupVerify(file, command.optsWithGlobals()),
  );
  placed('restore <file>', 'make a new cluster, or one that is down, begin with the state of a backup')
    .option('--masters <n>', 'masters of a new cluster (default 3)', wholeNumber)
    .option('--workers <n>', 'workers of a new cluster (default 2)', wholeNumber)
    .option('--hollow <n>', 'hollow nodes of a new cluster (default 0)', wholeNumber)
    .option('--replace', 'move data that is there aside')
    .action(async (file: string, _, command: Command) =>
      (await import('./commands/backup-restore.ts')).backupRestore(file, command.optsWithGlobals()),
    );
}

function addMemberCommands(program: Command): void {
  program.commandsGroup('Members:');
  clusterCommand(program, 'start <member>', `start ${memberHelp}`).action(async (member: string, _, command: Command) =>
    (await import('./commands/start.ts')).start(member, command.optsWithGlobals()),
  );
  clusterCommand(program, 'stop <member>', 'SIGTERM, and wait').action(async (member: string, _, command: Command) =>
    (await import('./commands/stop.ts')).stop(member, command.optsWithGlobals()),
  );
  clusterCommand(
    program,
    'restart <member>',
    'stop and start; "all-masters" one after the other, the leader last',
  ).action(async (member: string, _, command: Command) =>
    (await import('./commands/restart.ts')).restart(member, command.optsWithGlobals()),
  );
  clusterCommand(program, 'kill <member>', 'SIGKILL').action(async (member: string, _, command: Command) =>
    (await import('./commands/kill.ts')).kill(member, command.optsWithGlobals()),
  );
  clusterCommand(program, 'pause <member>', 'SIGSTOP').action(async (member: string, _, command: Command) =>
    (await import('./commands/pause.ts')).pause(member, command.optsWithGlobals()),
  );
  clusterCommand(program, 'resume <member>', 'SIGCONT').action(async (member: string, _, command: Command) =>
    (await import('./commands/pause.ts')).resume(member, command.optsWithGlobals()),
  );
  clusterCommand(program, 'logs <name>', "a member's log; when no member has that name, a pod's")
    .option('-f, --follow', 'go on as lines come')
    .option('--tail <n>', 'only the last lines', wholeNumber)
    .option('--pretty', 'members: text instead of JSON')
    .option('-n, --namespace <name>', 'pods: their namespace')
    .option('-c, --container <name>', 'pods: the container')
    .option('-p, --previous', 'pods: the container before its last restart')
    .action(async (name: string, _, command: Command) =>
      (await import('./commands/logs.ts')).logs(name, command.optsWithGlobals()),
    );
}

function addChaosCommands(program: Command): void {
  const chaos = program
    .command('chaos')
    .description('break a running cluster on purpose, and judge what its clients saw');
  clusterCommand(chaos, 'run', 'clients at work, faults by a seeded plan, then every check')
    .option('--duration <time>', 'such as 90s, 10m, 1h', '60s')
    .option('--faults <kinds>', 'kinds with commas between; a wrong one lists them')
    .option('--every <time>', 'mean time from one fault to the next', '5s')
    .option('--rate <n>', 'operations a second, of all clients together', wholeNumber, 150)
    .option('--clients <n>', 'clients at a time', wholeNumber, 12)
    .option('--api <names>', 'kubernetes, etcd or both with a comma between (default: what the cluster has)')
    .option('--seed <n>', 'the same faults in the same order (default: chosen and told)', wholeNumber)
    .option('--report <folder>', 'where report.html and report.json go (default: in the folder of the cluster)')
    .action(async (_, command: Command) => (await import('./commands/chaos.ts')).chaosRun(command.optsWithGlobals()));
}

function addApiCommands(program: Command): void {
  program.commandsGroup('Kubernetes API:');
  clusterCommand(program, 'kubectl [args...]', 'the kubectl on PATH, for this cluster')
    .allowUnknownOption()
    .passThroughOptions()
    .helpOption(false)
    .action(async (args: string[], _, command: Command) =>
      (await import('./commands/kubectl.ts')).kubectl(args, command.optsWithGlobals()),
    );
  const apiCommand = (nameAndArgs: string, description: string) =>
    clusterCommand(program, nameAndArgs, description).option('-n, --namespace <name>', 'namespace');
  apiCommand('apply', 'create or change objects')
    .requiredOption('-f, --filename <file>', 'manifest, folder, or - for standard input; may be repeated', collect)
    .action(async (_, command: Command) => (await import('./commands/apply.ts')).apply(command.optsWithGlobals()));
  apiCommand('get <resource> [name]', 'show objects')
    .option('-o, --output <format>', 'wide, json or yaml')
    .option('-l, --selector <labels>', 'label selector')
    .option('-A, --all-namespaces', 'of every namespace')
    .action(async (resource: string, name: string | undefined, _, command: Command) =>
      (await import('./commands/get.ts')).get(resource, name, command.optsWithGlobals()),
    );
  apiCommand('delete [resource] [names...]', 'delete objects')
    .option('-f, --filename <file>', 'manifest, folder, or -; may be repeated', collect)
    .option('--grace-period <seconds>', 'time to end in', wholeNumber)
    .option('--ignore-not-found', 'what is gone already is fine')
    .action(async (resource: string | undefined, names: string[], _, command: Command) =>
      (await import('./commands/delete.ts')).deleteObjects(resource, names, command.optsWithGlobals()),
    );
  apiCommand('scale <resource> [name]', 'set the number of replicas')
    .requiredOption('--replicas <n>', 'how many', wholeNumber)
    .action(async (resource: string, name: string | undefined, _, command: Command) =>
      (await import('./commands/scale.ts')).scale(resource, name, command.optsWithGlobals()),
    );
  const net = program.command('net').description('the network: explain where a packet goes, check that all is reached');
  clusterCommand(
    net,
    'explain <target>',
    'POD, SERVICE or IP, with :PORT or without: where a packet goes, and why it is dropped',
  )
    .option('-n, --namespace <name>', 'namespace')
    .option('--from <pod>', 'who sends it, NAME or NAMESPACE/NAME (default: somebody outside of the cluster)')
    .option('--protocol <name>', 'tcp, udp or sctp', 'tcp')
    .action(async (target: string, _, command: Command) =>
      (await import('./commands/net-explain.ts')).netExplain(target, command.optsWithGlobals()),
    );
  clusterCommand(
    net,
    'check',
    'from every worker to every other, to its pods, to the DNS and a Service: a small matrix',
  ).action(async (_, command: Command) =>
    (await import('./commands/net-check.ts')).netCheck(command.optsWithGlobals()),
  );
}

function addProjectCommands(program: Command): void {
  program.commandsGroup('Project:');
  const scriptCommand = (name: string, description: string) =>
    program
      .command(`${name} [args...]`)
      .description(description)
      .allowUnknownOption()
      .passThroughOptions()
      .helpOption(false);
  scriptCommand('test', 'every check and test; --unit or --e2e [FILTER] for a part').action(async (args: string[]) =>
    (await import('./commands/test.ts')).test(args),
  );
  scriptCommand('bench', 'benchmarks: the list, or one of them').action(async ([name, ...args]: string[]) =>
    (await import('./commands/bench.ts')).bench(name, args),
  );
  scriptCommand('sim', 'the simulator of the consensus core').action(async (args: string[]) =>
    (await import('./commands/sim.ts')).sim(args),
  );
  program
    .command('version')
    .description('versions of trimast and Node.js')
    .action(async () => (await import('./commands/version.ts')).version());
}

function addLongRunningCommands(program: Command): void {
  program.commandsGroup('Programs that "up" starts, also for machines of their own:');
  const longRunning = (name: string, description: string) =>
    program.command(name).description(description).requiredOption('--config <file>', 'its configuration, as JSON');
  longRunning('master', 'one replica of the control plane')
    .option('--disable <parts>', disableHelp, commaSeparated)
    .action(async (options: { config: string; disable?: string[] }) =>
      (await import('./commands/master.ts')).master(options),
    );
  longRunning('agent', 'the agent of a node').action(async (options: { config: string }) =>
    (await import('./commands/agent.ts')).agent(options),
  );
  longRunning('lb', 'the load balancer in front of the masters').action(async (options: { config: string }) =>
    (await import('./commands/lb.ts')).lb(options),
  );
}

function addPkiCommands(program: Command): void {
  const pki = program.command('pki').description('certificates for machines of their own');
  const folder = (name: string, description: string) =>
    pki.command(name).description(description).option('--pki <folder>', 'folder of the certificates', 'pki');
  const issue = (name: string, description: string) =>
    folder(name, description)
      .option('--address <address>', 'IP address or DNS name; once for each', collect)
      .option('--days <n>', 'days until it expires (default 365)', wholeNumber)
      .option('--force', 'also when there is one that is valid');
  const load = () => import('./commands/pki.ts');
  clusterCommand(pki, 'renew', 'new certificates for every member of a cluster on this machine').action(
    async (_, command: Command) => (await import('./commands/pki-renew.ts')).pkiRenew(command.optsWithGlobals()),
  );
  folder('init', 'make the CA and the key for service-account tokens')
    .option('--name <name>', 'name of the cluster', 'trimast')
    .action(async (options) => (await load()).pkiInit(options));
  issue('issue-master <name>', 'certificate of a master')
    .option('--cluster-domain <domain>', 'DNS domain of the cluster', 'cluster.local')
    .action(async (name: string, options) => (await load()).pkiIssueMaster(name, options));
  issue('issue-agent <node>', 'certificate of a node').action(async (name: string, options) =>
    (await load()).pkiIssueAgent(name, options),
  );
  issue('issue-lb <name>', 'certificate of a load balancer').action(async (name: string, options) =>
    (await load()).pkiIssueLoadBalancer(name, options),
  );
  issue('issue-user <name>', 'certificate of a person or program')
    .option('--group <group>', 'group, such as system:masters; once for each', collect)
    .option('--server <address>', 'also write a kubeconfig for this API server')
    .option('--cluster-name <name>', 'name of the cluster in the kubeconfig', 'trimast')
    .action(async (name: string, options) => (await load()).pkiIssueUser(name, options));
}
