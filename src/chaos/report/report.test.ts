import { expect, test } from 'vitest';
import { measure } from '../measures.ts';
import type { FaultRecord } from '../nemesis.ts';
import type { ChaosResult } from '../run.ts';
import type { RecordedOperation } from '../types.ts';
import { renderHtml } from './html.ts';
import { renderText } from './text.ts';

const faults: FaultRecord[] = [{ kind: 'kill', detail: 'master-1 <&>', startMs: 1_000, healMs: 1_500, endMs: 2_000 }];

function write(endMs: number, latencyMs: number, outcome: RecordedOperation['outcome'] = 'done'): RecordedOperation {
  return {
    client: 'c0',
    via: 'lb',
    key: 'a',
    type: 'create',
    input: { type: 'get', key: 'a' },
    output: { succeeded: true },
    call: endMs - latencyMs,
    return: endMs,
    endMs,
    outcome,
    value: 'v',
    revision: 1,
  };
}

const operations = [
  write(100, 5),
  write(900, 10),
  write(1_400, 380),
  write(1_600, 20),
  write(3_500, 7),
  write(3_600, 1, 'unknown'),
];

const result: ChaosResult = {
  startedAt: '2026-01-01T00:00:00Z',
  durationMs: 4_000,
  options: { seed: 3, durationMs: 4_000, faults: ['kill'], everyMs: 1_000, clients: 1, operationsPerSecond: 1 },
  masters: ['master-1', 'master-2'],
  faults,
  leaders: [{ master: 'master-2', term: 2, startMs: 0, endMs: 4_000 }],
  elections: 1,
  apis: [
    {
      name: 'Kubernetes API',
      operations,
      measures: measure(operations, faults),
      checks: [{ name: 'linearizable', ok: false, detail: '1 finding', findings: ['stale <read>'] }],
    },
  ],
  checks: [],
  ok: false,
};

test('measure: latencies during and between faults, the longest gaps and whose doing they are', () => {
  const measures = measure(operations, faults);
  expect(measures.operations).toEqual({ done: 5, refused: 0, unknown: 1 });
  expect(measures.duringFaults).toMatchObject({ count: 2, maxMs: 380 });
  expect(measures.betweenFaults).toMatchObject({ count: 3, maxMs: 10 });
  expect(measures.longestGaps.slice(0, 2)).toMatchObject([
    { lengthMs: 1_900, startMs: 1_600, fault: 'kill master-1 <&>' },
    { lengthMs: 800, startMs: 100, fault: undefined },
  ]);
  expect(measures.gapsByFault.kill).toEqual({ count: 1, medianMs: 1_900, maxMs: 1_900 });
});

test("measure: a gap over several faults is the last one's", () => {
  const later: FaultRecord[] = [...faults, { kind: 'pause', detail: 'x', startMs: 2_500, healMs: 2_600, endMs: 2_700 }];
  const measures = measure(operations, later);
  expect(measures.longestGaps[0]!.fault).toBe('pause x');
  expect(measures.gapsByFault).toEqual({
    kill: { count: 1, medianMs: 500, maxMs: 500 },
    pause: { count: 1, medianMs: 1_900, maxMs: 1_900 },
  });
});

test('the text names the failing check, what was found and how to have it again', () => {
  const text = renderText(result);
  expect(text).toContain('FAILED  linearizable: 1 finding\n      stale <read>');
  expect(text).toContain('FAILED: linearizable. The same faults again: --seed 3');
  expect(text).toContain('1 × kill');
});

test('the page has the timeline and escapes what it shows', () => {
  const html = renderHtml(result);
  expect(html).toContain('<svg');
  expect(html).toContain('master-2 leads term 2');
  expect(html).toContain('stale &lt;read&gt;');
  expect(html).toContain('kill: master-1 &lt;&amp;&gt;');
  expect(html).not.toContain('<&>');
});
