/** The standard health service (grpc.health.v1), tied to a readiness function. */
import type * as grpc from '@grpc/grpc-js';
import { HealthImplementation, type ServingStatusMap, service } from 'grpc-health-check';

/** How old an answer may be. */
const refreshIntervalMs = 500;

export interface HealthService {
  /** Looks at readiness now instead of at the next interval. */
  refresh(): void;
  /** NOT_SERVING for good; to be called before the server shuts down. */
  stop(): void;
}

/** Each named service, and the server as a whole (the empty name), is SERVING while `ready()`. */
export function addHealthService(
  server: grpc.Server,
  serviceNames: readonly string[],
  ready: () => boolean,
): HealthService {
  const names = ['', ...serviceNames];
  const statusOf = (serving: boolean) => (serving ? 'SERVING' : 'NOT_SERVING');
  let last = ready();
  const health = new HealthImplementation(
    Object.fromEntries(names.map((name) => [name, statusOf(last)])) satisfies ServingStatusMap,
  );
  const set = (serving: boolean) => {
    if (serving === last) return;
    last = serving;
    for (const name of names) health.setStatus(name, statusOf(serving));
  };
  const timer = setInterval(() => set(ready()), refreshIntervalMs);
  timer.unref();
  health.addToServer(server);
  return {
    refresh: () => set(ready()),
    stop() {
      clearInterval(timer);
      set(false);
    },
  };
}

/** Serialized file descriptors, for reflection. */
export const healthFileDescriptors: readonly Buffer[] = Object.values(service).flatMap(
  (method) => (method.requestType as { fileDescriptorProtos?: Buffer[] } | undefined)?.fileDescriptorProtos ?? [],
);
