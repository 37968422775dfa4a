/** All metrics of a process, and their text form (Prometheus exposition format 0.0.4). */
import { Counter, type Described, Gauge, Histogram, type Metric, Sampled } from './metric.ts';

export const textContentType = 'text/plain; version=0.0.4; charset=utf-8';

export class MetricsRegistry {
  readonly #metrics = new Map<string, Metric>();

  counter(described: Described): Counter {
    return this.#keep(new Counter(described));
  }

  gauge(described: Described): Gauge {
    return this.#keep(new Gauge(described));
  }

  histogram(described: Described & { readonly buckets: readonly number[] }): Histogram {
    return this.#keep(new Histogram(described));
  }

  /** `read` runs at every collection; of the same name the last one counts. */
  sampled(
    described: Described & { readonly type: 'counter' | 'gauge' },
    read: () => Iterable<readonly [values: readonly string[], value: number]>,
  ): void {
    this.#keep(new Sampled(described, read));
  }

  #keep<T extends Metric>(metric: T): T {
    this.#metrics.set(metric.name, metric);
    return metric;
  }

  text(): string {
    const lines: string[] = [];
    for (const metric of [...this.#metrics.values()].sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const before = lines.length;
      lines.push(`# HELP ${metric.name} ${metric.help}`, `# TYPE ${metric.name} ${metric.type}`);
      metric.collect((suffix, labels, value) => {
        lines.push(`${metric.name}${suffix}${labels === '' ? '' : `{${labels}}`} ${value}`);
      });
      // What has never happened is not told.
      if (lines.length === before + 2) lines.length = before;
    }
    return `${lines.join('\n')}\n`;
  }
}

/** Of this process. */
export const metrics = new MetricsRegistry();
