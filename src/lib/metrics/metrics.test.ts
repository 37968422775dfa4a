import { expect, test } from 'vitest';
import { maxChildren } from './metric.ts';
import { addProcessMetrics } from './process-metrics.ts';
import { MetricsRegistry } from './registry.ts';

test('the text form has help, type, escaped labels and cumulated buckets', () => {
  const registry = new MetricsRegistry();
  const counter = registry.counter({ name: 'b_total', help: 'Bs.', labels: ['verb', 'code'] });
  counter.with('GET', '200').add();
  counter.with('GET', '200').add(2);
  counter.with('a"b\\c\n', '').add();
  const histogram = registry.histogram({ name: 'a_seconds', help: 'As.', labels: ['x'], buckets: [0.1, 1] });
  for (const value of [0.1, 0.5, 7]) histogram.with('y').observe(value);
  registry.gauge({ name: 'never', help: 'Nothing yet.' });
  registry.sampled({ name: 'c', help: 'Cs.', type: 'gauge' }, () => [[[], 5]]);
  expect(registry.text()).toBe(`# HELP a_seconds As.
# TYPE a_seconds histogram
a_seconds_bucket{x="y",le="0.1"} 1
a_seconds_bucket{x="y",le="1"} 2
a_seconds_bucket{x="y",le="+Inf"} 3
a_seconds_sum{x="y"} 7.6
a_seconds_count{x="y"} 3
# HELP b_total Bs.
# TYPE b_total counter
b_total{verb="GET",code="200"} 3
b_total{verb="a\\"b\\\\c\\n",code=""} 1
# HELP c Cs.
# TYPE c gauge
c 5
`);
});

test('label sets are bounded: what is too much is counted together', () => {
  const registry = new MetricsRegistry();
  const counter = registry.counter({ name: 'x', help: 'X.', labels: ['l'] });
  for (let index = 0; index < maxChildren + 10; index++) counter.with(String(index)).add();
  expect(registry.text()).toContain('x{l="other"} 10\n');
});

test('a process tells its memory, CPU time and start', () => {
  const registry = new MetricsRegistry();
  addProcessMetrics(registry);
  const value = (name: string) => Number(new RegExp(`^${name} (.+)$`, 'm').exec(registry.text())?.[1]);
  expect(value('process_resident_memory_bytes')).toBeGreaterThan(1e6);
  expect(value('process_cpu_seconds_total')).toBeGreaterThan(0);
  expect(value('process_start_time_seconds')).toBeLessThanOrEqual(Date.now() / 1000);
});
