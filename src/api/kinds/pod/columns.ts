/** `kubectl get pods`. */
import type { Pod } from '../../generated/types/core-v1.ts';
import { ageColumn, column, nameColumn } from '../../table/column.ts';
import { none } from '../../table/format.ts';
import { printedStatus } from './printed-status.ts';

const wide = { priority: 1 };

export const podColumns = [
  nameColumn,
  column<Pod>('Ready', 'Containers that are ready, of all.', (pod, nowMs) => printedStatus(pod, nowMs).ready),
  column<Pod>('Status', 'Phase, or what most deserves attention.', (pod, nowMs) => printedStatus(pod, nowMs).status),
  column<Pod>(
    'Restarts',
    'Restarts of containers, and when the last one was.',
    (pod, nowMs) => printedStatus(pod, nowMs).restarts,
  ),
  ageColumn,
  column<Pod>(
    'IP',
    'First address of the pod.',
    ({ status }) => status?.podIPs?.[0]?.ip || status?.podIP || none,
    wide,
  ),
  column<Pod>('Node', 'Where the pod is assigned to.', ({ spec }) => spec?.nodeName || none, wide),
  column<Pod>(
    'Nominated Node',
    'Where room is being made for the pod.',
    ({ status }) => status?.nominatedNodeName || none,
    wide,
  ),
  column<Pod>('Readiness Gates', 'Gates that are open, of all.', readinessGates, wide),
];

function readinessGates({ spec, status }: Pod): string {
  const gates = spec?.readinessGates ?? [];
  if (gates.length === 0) return none;
  const open = gates.filter((gate) =>
    status?.conditions?.some(({ type, status }) => type === gate.conditionType && status === 'True'),
  );
  return `${open.length}/${gates.length}`;
}
