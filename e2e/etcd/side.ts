/** One of the two that are compared: runs a step with its own endpoints and what it captured, and gives what it said in a comparable form. */
import { spawn } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Step } from './steps.ts';

export interface Outcome {
  readonly code: number | string;
  readonly output: string;
}

const stepTimeoutMs = 60_000;
/** What a client that goes on running needs until it has connected, or has said what it has to say. */
const settleMs = 3_000;

export class Side {
  readonly name: string;
  readonly #etcdctl: string;
  readonly #env: NodeJS.ProcessEnv;
  readonly #captured = new Map<string, string>([
    ['empty', ''],
    ['exit3', 'exit 3'],
  ]);

  /** `access`: ETCDCTL_ENDPOINTS and, with TLS, the files. */
  constructor(name: string, etcdctl: string, access: Readonly<Record<string, string>>) {
    this.name = name;
    this.#etcdctl = etcdctl;
    this.#env = { ...process.env, ...access };
    this.#captured.set('dir', mkdtempSync(join(tmpdir(), 'etcd-compare-')));
  }

  async run(step: Step): Promise<Outcome> {
    if (step.args.includes('{follower}')) await this.#findFollower();
    if (step.pauseMs) await new Promise((resolve) => setTimeout(resolve, step.pauseMs));
    const outcome = await this.#spawn(step);
    const [name, pattern] = step.capture ?? [];
    const value = pattern?.exec(outcome.output)?.[1];
    if (name !== undefined && value !== undefined) this.#captured.set(name, value);
    return { code: outcome.code, output: normalize(outcome.output) };
  }

  async #findFollower(): Promise<void> {
    const { output } = await this.#spawn({ name: '', args: 'member list -w json' });
    const ids = [...output.matchAll(/"ID":(\d+)/g)].map((match) => BigInt(match[1]!));
    const leader = BigInt(this.#captured.get('leader') ?? 0);
    this.#captured.set('follower', ids.find((id) => id !== leader)!.toString(16));
  }

  #arguments(args: string): string[] {
    return args
      .split(' ')
      .map((arg) => arg.replace(/\{(\w+)\}/g, (_, name: string) => this.#captured.get(name) ?? `{${name}}`));
  }

  async #spawn({ args, program = 'etcdctl', stdin, meanwhile }: Step): Promise<Outcome> {
    const file = program === 'etcdctl' ? this.#etcdctl : join(dirname(this.#etcdctl), program);
    const child = spawn(file, this.#arguments(args), { env: this.#env, stdio: 'pipe' });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text) => (output += text));
    const ended = new Promise<number | string>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) => resolve(code ?? signal ?? 'gone'));
    });
    if (stdin !== undefined) child.stdin.write(stdin);
    if (meanwhile === undefined || stdin === undefined) child.stdin.end();
    const timer = setTimeout(() => child.kill('SIGKILL'), stepTimeoutMs);
    if (meanwhile) {
      await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, settleMs))]);
      for (const one of meanwhile) await this.#spawn({ name: '', args: one });
      if (meanwhile.length > 0) await new Promise((resolve) => setTimeout(resolve, settleMs / 3));
      child.kill('SIGINT');
    }
    const code = await ended;
    clearTimeout(timer);
    return { code, output };
  }
}

/** Replaces what differs by nature: ids, addresses, revisions, sizes, times; and the order of members. */
export function normalize(output: string): string {
  const lines = output
    .split('\n')
    .filter((line) => !line.startsWith('{"level"') && !/^\d{4}[-/]\d\d[-/]\d\d[T ]/.test(line))
    .map(normalizeLine);
  const isMember = (line: string) => /^(N, (un)?started|\| N \| (un)?started|URL, N, VERSION|\| URL \|)/.test(line);
  // Ids and who leads are not the same on both sides, and with them the order.
  const members = lines.filter(isMember).sort();
  return lines
    .map((line) => (isMember(line) ? members.shift()! : line))
    .filter((line, index) => line !== '' || lines[index - 1] !== '')
    .join('\n')
    .trim();
}

const numericFields =
  /("(?:cluster_id|member_id|revision|raft_term|create_revision|mod_revision|ID|lease|hash|leader)":)-?\d+/g;

function normalizeLine(line: string): string {
  return line
    .replace(/https?:\/\/[\w.:[\]-]+/g, 'URL')
    .replace(numericFields, '$1N')
    .replace(/("\w*(?:ID|Revision|Term|Lease|TTL)" : )-?\d+/g, '$1N')
    .replace(/\b[0-9a-f]{8,16}\b/g, 'N')
    .replace(/\b\d+(?:\.\d+)?(?:[µmn]?s|[hm]\d\S*s)\b/g, 'TIME')
    .replace(/"took":"[^"]*"/g, '"took":"TIME"')
    .replace(/\b\d+(?:\.\d+)? ?[kMG]?i?B\b/g, 'SIZE')
    .replace(/\b\d+%/g, 'PERCENT')
    .replace(/\b3\.6\.\d+\b/g, 'VERSION')
    .replace(/(compacted revision|revision|leader|from|to|Member|member|cluster|ID) +[0-9a-f]+\b(?! as)/g, '$1 N')
    .replace(/etcd-compare-\w+/g, 'DIR')
    .replace(/^[0-9a-f]+, (started|unstarted)/, 'N, $1')
    .replace(/^URL, .*$/, (row) => row.replace(/\b[0-9a-f]+\b/g, 'N'))
    .replace(/master-\d/g, 'NAME')
    .replace(/^(ETCD_INITIAL_CLUSTER)="(.*)"$/, (_, name, list) => `${name}="${list.split(',').sort().join(',')}"`)
    .replace(/\|[^|]*/g, (cell) => (/^\| +[0-9a-f]+ +$/.test(cell) ? '| N ' : cell))
    .replace(/[-+]{5,}/g, '---')
    .replace(/ +/g, ' ')
    .trimEnd();
}
