/** Probes and lifecycle hooks. */
import type { FieldError } from '../../definition.ts';
import type { LifecycleHandler, Probe } from '../../generated/types/core-v1.ts';
import { fieldForbidden, fieldInvalid, fieldRequired } from '../../meta/field-error.ts';
import { notNegative, oneOf, portNumber, portNumberOrName, present, required } from '../checks.ts';

const probeHandlers = ['exec', 'httpGet', 'tcpSocket', 'grpc'];
const hookHandlers = ['exec', 'httpGet', 'tcpSocket', 'sleep'];

/** `successMustBeOne`: liveness and startup probes. */
export function validateProbe(probe: Probe | undefined, field: string, successMustBeOne: boolean): FieldError[] {
  if (!probe) return [];
  const errors = [
    ...validateHandler(probe, field, probeHandlers),
    ...notNegative(`${field}.initialDelaySeconds`, probe.initialDelaySeconds),
    ...notNegative(`${field}.timeoutSeconds`, probe.timeoutSeconds),
    ...notNegative(`${field}.periodSeconds`, probe.periodSeconds),
    ...notNegative(`${field}.successThreshold`, probe.successThreshold),
    ...notNegative(`${field}.failureThreshold`, probe.failureThreshold),
  ];
  if (successMustBeOne && probe.successThreshold !== undefined && probe.successThreshold !== 1) {
    errors.push(fieldInvalid(`${field}.successThreshold`, probe.successThreshold, 'must be 1'));
  }
  const grace = probe.terminationGracePeriodSeconds;
  if (grace !== undefined && grace <= 0) {
    errors.push(fieldInvalid(`${field}.terminationGracePeriodSeconds`, grace, 'must be greater than 0'));
  }
  return errors;
}

export function validateHook(hook: LifecycleHandler | undefined, field: string): FieldError[] {
  return hook ? validateHandler(hook, field, hookHandlers) : [];
}

function validateHandler(handler: Probe & LifecycleHandler, field: string, names: readonly string[]): FieldError[] {
  const given = present(handler, names);
  if (given.length === 0) return [fieldRequired(field, 'must specify a handler type')];
  const errors = given
    .slice(1)
    .map((name) => fieldForbidden(`${field}.${name}`, 'may not specify more than 1 handler type'));
  const { exec, httpGet, tcpSocket, grpc } = handler;
  if (exec && (exec.command?.length ?? 0) === 0) errors.push(fieldRequired(`${field}.exec.command`));
  if (httpGet) {
    errors.push(
      ...required(`${field}.httpGet.path`, httpGet.path),
      ...portNumberOrName(`${field}.httpGet.port`, httpGet.port),
      ...oneOf(`${field}.httpGet.scheme`, httpGet.scheme, ['HTTP', 'HTTPS']),
    );
  }
  if (tcpSocket) errors.push(...portNumberOrName(`${field}.tcpSocket.port`, tcpSocket.port));
  if (grpc) errors.push(...portNumber(`${field}.grpc.port`, grpc.port));
  return errors;
}
