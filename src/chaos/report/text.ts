/** The result of a run for a terminal. */
import type { CheckResult } from '../checks/check-history.ts';
import type { Latencies, Measures } from '../measures.ts';
import type { ChaosResult } from '../run.ts';

export function renderText(result: ChaosResult): string {
  const { faults, apis, checks } = result;
  const lines = [
    `${seconds(result.durationMs)}, seed ${result.options.seed}: ${countFaults(result) || 'no faults'}; ${result.elections} elections`,
  ];
  for (const { name, measures, checks: own } of apis) {
    lines.push('', `${name}: ${renderOperations(measures)}`);
    lines.push(`  latency between faults  ${renderLatencies(measures.betweenFaults)}`);
    if (faults.length > 0) lines.push(`  latency during faults   ${renderLatencies(measures.duringFaults)}`);
    lines.push(`  longest times without an acknowledged write:`);
    for (const { startMs, lengthMs, fault } of measures.longestGaps)
      lines.push(`    ${ms(lengthMs).padStart(9)}  at ${seconds(startMs)}  ${fault ?? 'no fault'}`);
    for (const [kind, gap] of Object.entries(measures.gapsByFault))
      lines.push(`  gap per ${kind}: median ${ms(gap.medianMs)}, max ${ms(gap.maxMs)} over ${gap.count}`);
    lines.push(...own.map(renderCheck));
  }
  lines.push('', 'Cluster:', ...checks.map(renderCheck), '', verdict(result));
  return `${lines.join('\n')}\n`;
}

export function verdict(result: ChaosResult): string {
  const all = [...result.checks, ...result.apis.flatMap((api) => api.checks)];
  const failed = all.filter((check) => !check.ok);
  if (failed.length === 0) return `PASSED: ${all.length} of ${all.length} checks hold.`;
  return `FAILED: ${failed.map((check) => check.name).join('; ')}. The same faults again: --seed ${result.options.seed}`;
}

export function countFaults({ faults }: Pick<ChaosResult, 'faults'>): string {
  const counts = new Map<string, number>();
  for (const { kind } of faults) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return [...counts].map(([kind, count]) => `${count} × ${kind}`).join(', ');
}

export function renderOperations({ operations }: Measures): string {
  const { done, refused, unknown } = operations;
  return `${done + refused + unknown} operations: ${done} answered, ${refused} refused, ${unknown} of unknown outcome`;
}

function renderLatencies({ count, p50Ms, p99Ms, maxMs }: Latencies): string {
  return `p50 ${ms(p50Ms)}, p99 ${ms(p99Ms)}, max ${ms(maxMs)} (${count})`;
}

function renderCheck({ name, ok, detail, findings }: CheckResult): string {
  const more = findings.map((finding) => `\n      ${finding.replaceAll('\n', '\n      ')}`).join('');
  return `  ${ok ? 'ok    ' : 'FAILED'}  ${name}: ${detail}${more}`;
}

export function ms(value: number): string {
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;
}

export function seconds(valueMs: number): string {
  return `${(valueMs / 1000).toFixed(1)} s`;
}
