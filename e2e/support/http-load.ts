/**
 * A steady stream of requests, each over a connection of its own. As a program, in a node's network namespace: `node http-load.ts URL RATE` says
 * `begun` when it begins, and as JSON what it saw once its input ends; `node http-load.ts URL --count N` asks N times, one after the other.
 */
import { request } from 'node:http';

export interface LoadReport {
  requests: number;
  /** By answer. */
  answers: Record<string, number>;
  failures: string[];
}

const timeoutMs = 10_000;

export function startLoad(url: string, perSecond: number): { stop(): Promise<LoadReport> } {
  const report: LoadReport = { requests: 0, answers: {}, failures: [] };
  const running = new Set<Promise<void>>();
  const timer = setInterval(() => {
    report.requests++;
    const one = ask(url).then(
      (answer) => {
        report.answers[answer] = (report.answers[answer] ?? 0) + 1;
      },
      (error: Error) => {
        report.failures.push(`${new Date().toISOString()} ${error.message}`);
      },
    );
    running.add(one);
    void one.finally(() => running.delete(one));
  }, 1_000 / perSecond);
  return {
    async stop() {
      clearInterval(timer);
      await Promise.all(running);
      return report;
    },
  };
}

/** The body of one answer, trimmed; a status other than 200 is a failure. */
export function ask(url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { agent: false, timeout: timeoutMs }, (incoming) => {
      incoming.toArray().then((chunks) => {
        const body = Buffer.concat(chunks as Buffer[]).toString();
        if (incoming.statusCode === 200) resolve(body.trim());
        else reject(new Error(`status ${incoming.statusCode}: ${body}`));
      }, reject);
    });
    outgoing.on('timeout', () => outgoing.destroy(new Error(`no answer in ${timeoutMs} ms`)));
    outgoing.on('error', reject);
    outgoing.end();
  });
}

async function askOften(url: string, times: number): Promise<LoadReport> {
  const report: LoadReport = { requests: times, answers: {}, failures: [] };
  for (let i = 0; i < times; i++) {
    await ask(url).then(
      (answer) => {
        report.answers[answer] = (report.answers[answer] ?? 0) + 1;
      },
      (error: Error) => report.failures.push(error.message),
    );
  }
  return report;
}

if (import.meta.main && process.argv[3] === '--count') {
  process.stdout.write(JSON.stringify(await askOften(process.argv[2]!, Number(process.argv[4]))));
} else if (import.meta.main) {
  const load = startLoad(process.argv[2]!, Number(process.argv[3]));
  process.stdout.write('begun\n');
  process.stdin.resume().on('end', async () => process.stdout.write(`${JSON.stringify(await load.stop())}\n`));
}
