/** The result of a run as one HTML file without anything from elsewhere: the verdict, the figures, and a timeline of leaders, faults and latencies. */
import type { ChaosResult } from '../run.ts';
import { countFaults, ms, renderOperations, seconds, verdict } from './text.ts';
import { escapeXml, renderTimeline } from './timeline.ts';

const style = `
:root { color-scheme: light dark; --text: #1c2430; --dim: #5b6675; --line: #d5dbe3; --back: #ffffff; --bad: #b3261e; --good: #1b6e3c; }
@media (prefers-color-scheme: dark) { :root { --text: #e6eaf0; --dim: #9aa6b5; --line: #36404d; --back: #14181f; --bad: #ff8a80; --good: #7fd6a0; } }
body { margin: 2rem auto; max-width: 76rem; padding: 0 1rem; font: 15px/1.5 system-ui, sans-serif; color: var(--text); background: var(--back); }
h1 { font-size: 1.5rem; margin-bottom: 0.25rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
.verdict { font-weight: 600; } .ok { color: var(--good); } .failed { color: var(--bad); } .dim { color: var(--dim); }
table { border-collapse: collapse; } td, th { padding: 0.25rem 1rem 0.25rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
td.number { text-align: right; font-variant-numeric: tabular-nums; } pre { white-space: pre-wrap; margin: 0.25rem 0; font-size: 13px; }
.timeline { overflow-x: auto; } svg text { fill: var(--text); font: 12px system-ui, sans-serif; } svg .dim { fill: var(--dim); } svg .grid { stroke: var(--line); }
`;

export function renderHtml(result: ChaosResult): string {
  const parts = [
    `<h1>Chaos run of ${escapeXml(result.startedAt)}</h1>`,
    `<p class="dim">${seconds(result.durationMs)}, seed ${result.options.seed}, ${result.masters.length} masters; ` +
      `${escapeXml(countFaults(result) || 'no faults')}; ${result.elections} elections</p>`,
    `<p class="verdict ${result.ok ? 'ok' : 'failed'}">${escapeXml(verdict(result))}</p>`,
    `<h2>Timeline</h2><div class="timeline">${renderTimeline(result)}</div>`,
    '<h2>Checks</h2>',
    renderChecks(result),
    ...result.apis.map(renderMeasures),
    '<h2>Faults</h2>',
    renderFaults(result),
  ];
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Chaos run</title><style>${style}</style></head>
<body>${parts.join('\n')}</body></html>
`;
}

function renderChecks({ checks, apis }: ChaosResult): string {
  const named = [
    ...checks.map((check) => ({ where: 'cluster', check })),
    ...apis.flatMap(({ name, checks: own }) => own.map((check) => ({ where: name, check }))),
  ];
  const rows = named.map(({ where, check: { name, ok, detail, findings } }) => {
    const more = findings.map((finding) => `<pre>${escapeXml(finding)}</pre>`).join('');
    const word = `<span class="${ok ? 'ok' : 'failed'}">${ok ? 'ok' : 'FAILED'}</span>`;
    return `<tr><td>${word}</td><td>${escapeXml(name)}</td><td>${escapeXml(where)}</td><td>${escapeXml(detail)}${more}</td></tr>`;
  });
  return `<table>${rows.join('')}</table>`;
}

function renderMeasures({ name, measures }: ChaosResult['apis'][number]): string {
  const latency = (what: string, one: typeof measures.duringFaults) =>
    `<tr><td>${what}</td>${[one.p50Ms, one.p99Ms, one.maxMs].map((value) => `<td class="number">${ms(value)}</td>`).join('')}<td class="number">${one.count}</td></tr>`;
  const gaps = Object.entries(measures.gapsByFault).map(
    ([kind, gap]) =>
      `<tr><td>${escapeXml(kind)}</td><td class="number">${ms(gap.medianMs)}</td><td class="number">${ms(gap.maxMs)}</td><td class="number">${gap.count}</td></tr>`,
  );
  return `<h2>${escapeXml(name)}</h2><p>${renderOperations(measures)}.</p>
<table><tr><th>Latency of answered operations</th><th>p50</th><th>p99</th><th>max</th><th>count</th></tr>
${latency('between faults', measures.betweenFaults)}${latency('during faults', measures.duringFaults)}</table>
<h2>Longest time without an acknowledged write, by fault</h2>
<table><tr><th>Fault</th><th>median</th><th>max</th><th>count</th></tr>${gaps.join('')}</table>`;
}

function renderFaults({ faults }: ChaosResult): string {
  const rows = faults.map(
    ({ kind, detail, startMs, healMs, endMs }) =>
      `<tr><td class="number">${seconds(startMs)}</td><td>${escapeXml(kind)}</td><td>${escapeXml(detail)}</td><td class="number">${ms(healMs - startMs)}</td><td class="number">${ms(endMs - healMs)}</td></tr>`,
  );
  return `<table><tr><th>At</th><th>Fault</th><th>What</th><th>Held</th><th>Until all was well</th></tr>${rows.join('')}</table>`;
}
