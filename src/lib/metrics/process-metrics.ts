/** What every process tells of itself; read when somebody asks. */
import { readdirSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import type { MetricsRegistry } from './registry.ts';

export function addProcessMetrics(registry: MetricsRegistry): void {
  const gauge = (name: string, help: string, read: () => number | undefined) =>
    registry.sampled({ name, help, type: 'gauge' }, () => single(read()));
  const counter = (name: string, help: string, read: () => number) =>
    registry.sampled({ name, help, type: 'counter' }, () => single(read()));
  const startedSeconds = (performance.timeOrigin ?? Date.now()) / 1000;
  counter('process_cpu_seconds_total', 'CPU time of user and system, in seconds.', () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  });
  gauge('process_resident_memory_bytes', 'Resident memory.', () => process.memoryUsage.rss());
  gauge('process_start_time_seconds', 'Start of the process, in seconds since 1970.', () => startedSeconds);
  gauge('process_open_fds', 'Open file descriptors.', openFiles);
  gauge('nodejs_heap_size_used_bytes', 'JavaScript heap in use.', () => process.memoryUsage().heapUsed);
  gauge('nodejs_heap_size_total_bytes', 'JavaScript heap reserved.', () => process.memoryUsage().heapTotal);
  gauge('nodejs_external_memory_bytes', 'Memory outside the heap.', () => process.memoryUsage().external);
  counter('nodejs_eventloop_active_seconds_total', 'Time in which the event loop had work, in seconds.', () => {
    return performance.eventLoopUtilization().active / 1000;
  });
  counter('nodejs_eventloop_idle_seconds_total', 'Time in which it waited, in seconds.', () => {
    return performance.eventLoopUtilization().idle / 1000;
  });
}

function single(value: number | undefined): [[], number][] {
  return value === undefined ? [] : [[[], value]];
}

function openFiles(): number | undefined {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    // Only Linux tells.
    return undefined;
  }
}
