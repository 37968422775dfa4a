/** Metrics of auditing, under upstream's names. */
import { metrics } from '../../lib/metrics/registry.ts';

export const auditEvents = metrics.counter({ name: 'apiserver_audit_event_total', help: 'Audit events made.' }).with();
export const auditErrors = metrics.counter({
  name: 'apiserver_audit_error_total',
  help: 'Audit events that were lost.',
  labels: ['plugin'],
});
