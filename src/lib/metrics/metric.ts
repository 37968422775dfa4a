/**
 * Counters, gauges and histograms for Prometheus. A child (one set of label values) is looked up by one string and is a plain object after that;
 * who is on a hot path keeps it. Label sets beyond {@link maxChildren} share one child, so that nothing grows without bounds.
 */

/** Of one metric. */
export const maxChildren = 5_000;
const overflowValue = 'other';

export type MetricType = 'counter' | 'gauge' | 'histogram';

export interface Described {
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly string[] | undefined;
}

/** A line in the text form: name suffix, labels, value. */
export type EmitSample = (suffix: string, labels: string, value: number) => void;

export interface Metric extends Described {
  readonly type: MetricType;
  collect(emit: EmitSample): void;
}

abstract class Family<Child> {
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
  readonly #children = new Map<string, Child>();

  constructor({ name, help, labels = [] }: Described) {
    this.name = name;
    this.help = help;
    this.labels = labels;
  }

  protected abstract create(): Child;

  /** Values in the order of the labels. */
  with(...values: readonly string[]): Child {
    const key = values.join('\u0000');
    const known = this.#children.get(key);
    if (known) return known;
    if (this.#children.size >= maxChildren) {
      const rest = this.labels.map(() => overflowValue).join('\u0000');
      return this.#children.get(rest) ?? this.#add(rest);
    }
    return this.#add(key);
  }

  #add(key: string): Child {
    const child = this.create();
    this.#children.set(key, child);
    return child;
  }

  protected *entries(): Generator<[labels: string, child: Child]> {
    for (const [key, child] of this.#children) yield [labelText(this.labels, key.split('\u0000')), child];
  }
}

export class Value {
  value = 0;

  add(amount = 1): void {
    this.value += amount;
  }

  set(value: number): void {
    this.value = value;
  }
}

export class Counter extends Family<Value> implements Metric {
  readonly type = 'counter' as const;

  protected create(): Value {
    return new Value();
  }

  collect(emit: EmitSample): void {
    for (const [labels, { value }] of this.entries()) emit('', labels, value);
  }
}

export class Gauge extends Family<Value> implements Metric {
  readonly type = 'gauge' as const;

  protected create(): Value {
    return new Value();
  }

  collect(emit: EmitSample): void {
    for (const [labels, { value }] of this.entries()) emit('', labels, value);
  }
}

export class Observations {
  readonly bounds: readonly number[];
  /** One per bound, not cumulated, and one for what is larger than all. */
  readonly counts: Float64Array;
  sum = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = new Float64Array(bounds.length + 1);
  }

  observe(value: number): void {
    const { bounds, counts } = this;
    let index = 0;
    while (index < bounds.length && value > bounds[index]!) index++;
    counts[index]!++;
    this.sum += value;
  }
}

export class Histogram extends Family<Observations> implements Metric {
  readonly type = 'histogram' as const;
  readonly #bounds: readonly number[];

  /** `buckets`: upper bounds, ascending. */
  constructor(described: Described & { readonly buckets: readonly number[] }) {
    super(described);
    this.#bounds = described.buckets;
  }

  protected create(): Observations {
    return new Observations(this.#bounds);
  }

  collect(emit: EmitSample): void {
    for (const [labels, { counts, sum }] of this.entries()) {
      let total = 0;
      const comma = labels === '' ? '' : ',';
      this.#bounds.forEach((bound, index) => {
        total += counts[index]!;
        emit('_bucket', `${labels}${comma}le="${bound}"`, total);
      });
      total += counts.at(-1)!;
      emit('_bucket', `${labels}${comma}le="+Inf"`, total);
      emit('_sum', labels, sum);
      emit('_count', labels, total);
    }
  }
}

/** What is known only when somebody asks. */
export class Sampled implements Metric {
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
  readonly type: MetricType;
  readonly #read: () => Iterable<readonly [values: readonly string[], value: number]>;

  constructor(
    described: Described & { readonly type: 'counter' | 'gauge' },
    read: () => Iterable<readonly [values: readonly string[], value: number]>,
  ) {
    this.name = described.name;
    this.help = described.help;
    this.labels = described.labels ?? [];
    this.type = described.type;
    this.#read = read;
  }

  collect(emit: EmitSample): void {
    for (const [values, value] of this.#read()) emit('', labelText(this.labels, values), value);
  }
}

export function labelText(names: readonly string[], values: readonly string[]): string {
  return names.map((name, index) => `${name}="${escaped(values[index] ?? '')}"`).join(',');
}

function escaped(value: string): string {
  return /["\\\n]/.test(value) ? value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n') : value;
}
