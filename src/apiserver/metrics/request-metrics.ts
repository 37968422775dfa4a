/** What a request leaves behind in the metrics: kube-apiserver's names where the meaning is the same. */

import { metrics } from '../../lib/metrics/registry.ts';
import type { RequestInfo, ResourceRequestInfo } from '../http/request-info.ts';
import type { ResourceApi } from '../resource-api.ts';

const labels = ['verb', 'group', 'version', 'resource', 'subresource', 'scope', 'component'] as const;
const component = 'apiserver';
const secondsBuckets = [
  0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60,
];
const byteBuckets = [1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];

const total = metrics.counter({
  name: 'apiserver_request_total',
  help: 'Requests answered, by verb, resource and HTTP code.',
  labels: [...labels, 'dry_run', 'code'],
});
const duration = metrics.histogram({
  name: 'apiserver_request_duration_seconds',
  help: 'From the head of a request to the end of its answer; watches and other streams are left out.',
  labels: [...labels, 'dry_run'],
  buckets: secondsBuckets,
});
const longRunning = metrics.gauge({
  name: 'apiserver_longrunning_requests',
  help: 'Watches and streams that are open.',
  labels,
});
const inFlight = metrics.gauge({
  name: 'apiserver_current_inflight_requests',
  help: 'Requests in work, watches and streams aside.',
  labels: ['request_kind'],
});
const responseBytes = metrics.histogram({
  name: 'apiserver_response_sizes',
  help: 'Bytes of answers of a known length.',
  labels,
  buckets: byteBuckets,
});
const watchEvents = metrics.counter({
  name: 'apiserver_watch_events_total',
  help: 'Events sent to watchers.',
  labels: ['group', 'version', 'resource'],
});
const attempts = metrics.counter({
  name: 'authentication_attempts',
  help: 'Requests whose caller was to be told, by outcome.',
  labels: ['result'],
});
const handshakeErrors = metrics.counter({
  name: 'apiserver_tls_handshake_errors_total',
  help: 'TLS handshakes that failed.',
});

const mutatingInFlight = inFlight.with('mutating');
const readOnlyInFlight = inFlight.with('readOnly');
export const authenticated = attempts.with('success');
export const notAuthenticated = attempts.with('failure');
export const failedHandshakes = handshakeErrors.with();

const readVerbs = new Set(['get', 'list', 'watch']);
const verbNames: Readonly<Record<string, string>> = { create: 'POST', update: 'PUT', get: 'GET' };

export function watchEventCounter({ group, version, resource }: ResourceRequestInfo['resource']) {
  return watchEvents.with(group, version, resource);
}

/** A request that has begun; `end` is to be called exactly once. */
export interface RequestRecord {
  end(code: number, bytes: number | undefined): void;
}

export function beginRequest(api: ResourceApi, info: RequestInfo, isLong: boolean, dryRun: string): RequestRecord {
  const values = labelValues(api, info);
  const gauge = isLong ? longRunning.with(...values) : readVerbs.has(info.verb) ? readOnlyInFlight : mutatingInFlight;
  gauge.add(1);
  const startedMs = performance.now();
  return {
    end(code, bytes) {
      gauge.add(-1);
      total.with(...values, dryRun, String(code)).add();
      if (isLong) return;
      duration.with(...values, dryRun).observe((performance.now() - startedMs) / 1000);
      if (bytes !== undefined) responseBytes.with(...values).observe(bytes);
    },
  };
}

/** Only what is served becomes a label: anybody can ask for anything. */
function labelValues(api: ResourceApi, info: RequestInfo): string[] {
  const verb = verbNames[info.verb] ?? info.verb.toUpperCase().slice(0, 16);
  if (info.kind !== 'resource' || !api.definition(info)) return [verb, '', '', '', '', '', component];
  const { resource, subresource, namespace, name } = info;
  const scope = name !== undefined ? 'resource' : namespace !== undefined ? 'namespace' : 'cluster';
  return [verb, resource.group, resource.version, resource.resource, subresource ?? '', scope, component];
}
