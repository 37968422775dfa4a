/** The timeline as SVG: one row per master with the stretches in which it led, the faults, and how long answers took. */
import type { ChaosResult } from '../run.ts';
import type { FaultKind } from '../types.ts';
import { seconds } from './text.ts';

const left = 90;
const right = 16;
const rowHeight = 26;
const latencyHeight = 160;
const axisHeight = 24;
/** Wide enough that a fault is more than a hair; the page scrolls. */
const pixelsPerSecond = 12;
const widths = { least: 1_000, most: 16_000 };
const ticksMs = [1_000, 5_000, 10_000, 30_000, 60_000, 300_000] as const;
const leastTickPixels = 60;
const shortestLatencyMs = 1;
const longestLatencyMs = 10_000;

const colors: Record<FaultKind, string> = {
  kill: '#d64545',
  'kill-all': '#8f1d1d',
  restart: '#e0913a',
  'rolling-restart': '#c77a1f',
  pause: '#8466c9',
  partition: '#3b7dd8',
  loss: '#4bb3c4',
  delay: '#2f9e8f',
  clock: '#b8a13c',
  'disk-full': '#9a6b4f',
  'disk-error': '#6f4630',
  'disk-slow': '#b98b6d',
};
const leaderColor = '#2f9e57';

export function renderTimeline(result: ChaosResult): string {
  const { masters, leaders, faults, apis, durationMs } = result;
  const inner = Math.min(widths.most, Math.max(widths.least, (durationMs / 1000) * pixelsPerSecond));
  const x = (ms: number) => left + (ms / durationMs) * inner;
  const faultsTop = masters.length * rowHeight + 8;
  const latencyTop = faultsTop + rowHeight + 16;
  const height = latencyTop + apis.length * (latencyHeight + 16) + axisHeight;
  const parts: string[] = [];
  const bar = (fromMs: number, toMs: number, top: number, color: string, title: string, opacity = 1) => {
    const width = Math.max(1.5, x(toMs) - x(fromMs));
    const box = `x="${x(fromMs).toFixed(1)}" y="${top}" width="${width.toFixed(1)}" height="${rowHeight - 8}"`;
    parts.push(
      `<rect ${box} rx="2" fill="${color}" fill-opacity="${opacity}"><title>${escapeXml(title)}</title></rect>`,
    );
  };

  for (const { startMs, endMs } of faults) {
    const width = Math.max(1, x(endMs) - x(startMs)).toFixed(1);
    parts.push(
      `<rect x="${x(startMs).toFixed(1)}" y="0" width="${width}" height="${height - axisHeight}" fill="#888" fill-opacity="0.12"/>`,
    );
  }
  for (const [row, master] of masters.entries()) {
    parts.push(`<text x="4" y="${row * rowHeight + 14}">${escapeXml(master)}</text>`);
    for (const { startMs, endMs, term } of leaders.filter((stretch) => stretch.master === master))
      bar(
        startMs,
        endMs,
        row * rowHeight,
        leaderColor,
        `${master} leads term ${term}, ${seconds(startMs)} to ${seconds(endMs)}`,
      );
  }
  parts.push(`<text x="4" y="${faultsTop + 14}">faults</text>`);
  for (const { kind, detail, startMs, healMs, endMs } of faults) {
    const title = `${kind}: ${detail}, ${seconds(startMs)} to ${seconds(endMs)}`;
    bar(startMs, endMs, faultsTop, colors[kind], title, 0.4);
    bar(startMs, healMs, faultsTop, colors[kind], title);
  }
  for (const [index, { name, operations }] of apis.entries())
    parts.push(renderLatencies(name, operations, latencyTop + index * (latencyHeight + 16), x, inner));
  parts.push(renderAxis(durationMs, height, inner, x));
  const label = 'Leaders, faults and latencies over time';
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${left + inner + right}" height="${height}" role="img" aria-label="${label}">${parts.join('')}</svg>`;
}

/** For every pixel column the slowest answer, on a logarithmic scale; unknown outcomes as marks on top. */
function renderLatencies(
  name: string,
  operations: ChaosResult['apis'][number]['operations'],
  top: number,
  x: (ms: number) => number,
  inner: number,
): string {
  const slowest = new Float64Array(Math.ceil(inner) + 1);
  const unknown = new Uint8Array(Math.ceil(inner) + 1);
  for (const { call, endMs, outcome } of operations) {
    const column = Math.min(slowest.length - 1, Math.max(0, Math.round(x(endMs) - left)));
    if (outcome === 'unknown') unknown[column] = 1;
    if (outcome === 'done') slowest[column] = Math.max(slowest[column]!, endMs - call);
  }
  const span = Math.log(longestLatencyMs / shortestLatencyMs);
  const y = (ms: number) => {
    const share = Math.log(Math.min(longestLatencyMs, Math.max(shortestLatencyMs, ms)) / shortestLatencyMs) / span;
    return top + latencyHeight * (1 - share);
  };
  const parts = [
    `<text x="4" y="${top + 12}">slowest answer</text><text x="4" y="${top + 28}" class="dim">${escapeXml(name)}</text>`,
  ];
  for (const ms of [1, 10, 100, 1_000, 10_000]) {
    parts.push(
      `<line class="grid" x1="${left}" x2="${left + inner}" y1="${y(ms).toFixed(1)}" y2="${y(ms).toFixed(1)}"/>`,
    );
    parts.push(
      `<text class="dim" x="${left - 6}" y="${(y(ms) + 4).toFixed(1)}" text-anchor="end">${ms < 1_000 ? `${ms} ms` : `${ms / 1_000} s`}</text>`,
    );
  }
  let path = '';
  for (const [column, ms] of slowest.entries())
    if (ms > 0) path += `M${left + column} ${top + latencyHeight}V${y(ms).toFixed(1)}`;
  parts.push(
    `<path d="${path}" stroke="#3b7dd8" stroke-width="1" fill="none"><title>slowest answered operation</title></path>`,
  );
  let marks = '';
  for (const [column, one] of unknown.entries()) if (one) marks += `M${left + column} ${top}v6`;
  parts.push(
    `<path d="${marks}" stroke="#d64545" stroke-width="2"><title>operations of unknown outcome</title></path>`,
  );
  return parts.join('');
}

function renderAxis(durationMs: number, height: number, inner: number, x: (ms: number) => number): string {
  const tickMs = ticksMs.find((one) => (one / durationMs) * inner >= leastTickPixels) ?? ticksMs.at(-1)!;
  let marks = '';
  for (let ms = 0; ms <= durationMs; ms += tickMs)
    marks += `<text class="dim" x="${x(ms).toFixed(1)}" y="${height - 6}" text-anchor="middle">${ms / 1_000} s</text>`;
  return marks;
}

export function escapeXml(text: string): string {
  const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
  return text.replace(/[&<>"]/g, (character) => entities[character]!);
}
