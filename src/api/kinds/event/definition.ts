/** core/v1 Event. */
import { defineKind, fieldAt } from '../define.ts';
import { eventColumns } from './columns.ts';
import { eventStrategy } from './strategy.ts';

export const eventDefinition = defineKind({
  group: '',
  version: 'v1',
  kind: 'Event',
  resource: 'events',
  namespaced: true,
  shortNames: ['ev'],
  createOnUpdate: true,
  fieldSelectors: {
    'involvedObject.kind': fieldAt('involvedObject.kind'),
    'involvedObject.namespace': fieldAt('involvedObject.namespace'),
    'involvedObject.name': fieldAt('involvedObject.name'),
    'involvedObject.uid': fieldAt('involvedObject.uid'),
    'involvedObject.apiVersion': fieldAt('involvedObject.apiVersion'),
    'involvedObject.resourceVersion': fieldAt('involvedObject.resourceVersion'),
    'involvedObject.fieldPath': fieldAt('involvedObject.fieldPath'),
    reason: fieldAt('reason'),
    reportingComponent: fieldAt('reportingComponent'),
    // The older way to name the reporter; upstream lets this selector find both.
    source: (event) => fieldAt('source.component')(event) || fieldAt('reportingComponent')(event),
    type: fieldAt('type'),
  },
  allColumns: eventColumns,
  strategy: eventStrategy,
});
