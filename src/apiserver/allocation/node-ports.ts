/** Node ports, that for health checks among them. Who has one stands under a key of ours. Pure. */
import type { FieldError } from '../../api/definition.ts';
import type { Service } from '../../api/generated/types/core-v1.ts';
import { getsNodePorts, needsHealthCheckNodePort, needsNodePort } from '../../api/kinds/service/changes.ts';
import { fieldInvalid } from '../../api/meta/field-error.ts';
import { pickFree, reservedPorts } from './pick.ts';

export const nodePortRange = { low: 30_000, high: 32_767 } as const;
export const nodePortPrefix = '/registry/trimast/nodeports/';

export function nodePortKey(port: number): string {
  return `${nodePortPrefix}${port}`;
}

export function holderOf({ metadata }: Service): Uint8Array {
  return Buffer.from(`${metadata?.namespace}/${metadata?.name}`);
}

export function portsOf(service: Service | undefined): number[] {
  const spec = service?.spec;
  if (!spec || !needsNodePort(spec)) return [];
  const ports = (spec.ports ?? []).map(({ nodePort }) => nodePort ?? 0);
  return [...ports, needsHealthCheckNodePort(spec) ? (spec.healthCheckNodePort ?? 0) : 0].filter((port) => port !== 0);
}

const full = 'failed to allocate a nodePort: range is full';

/**
 * Fills in what the Service lacks. `held`: what it has already. Ports of the same number and another protocol share their node port, as
 * upstream does it. A text: what upstream calls an internal error.
 */
export function givePorts(
  service: Service,
  held: ReadonlySet<number>,
  isFree: (port: number) => boolean,
  random: () => number,
): FieldError[] | string {
  const spec = service.spec!;
  if (!needsNodePort(spec)) return [];
  const errors: FieldError[] = [];
  const own = new Set<number>();
  const asked = new Set<string>();
  for (const [index, { nodePort, protocol }] of (spec.ports ?? []).entries()) {
    if (!nodePort) continue;
    const id = `${protocol}/${nodePort}`;
    if (asked.has(id) || (!held.has(nodePort) && !own.has(nodePort) && !isFree(nodePort)))
      errors.push(fieldInvalid(`spec.ports[${index}].nodePort`, nodePort, 'provided port is already allocated'));
    asked.add(id);
    own.add(nodePort);
  }
  if (errors.length > 0) return errors;
  const health = needsHealthCheckNodePort(spec) ? (spec.healthCheckNodePort ?? 0) : 0;
  if (health !== 0 && !held.has(health) && (own.has(health) || !isFree(health)))
    return `failed to allocate requested HealthCheck NodePort ${health}: provided port is already allocated`;
  if (health !== 0) own.add(health);

  const give = (): number | undefined => {
    const size = nodePortRange.high - nodePortRange.low + 1;
    const usable = (offset: bigint): boolean => {
      const port = nodePortRange.low + Number(offset);
      return !own.has(port) && !held.has(port) && isFree(port);
    };
    const offset = pickFree(BigInt(size), BigInt(reservedPorts(size)), random, usable);
    if (offset === undefined) return undefined;
    const port = nodePortRange.low + Number(offset);
    own.add(port);
    return port;
  };
  if (getsNodePorts(spec)) {
    const byPort = new Map<number, number>();
    for (const { port, nodePort } of spec.ports ?? []) if (nodePort && !byPort.has(port)) byPort.set(port, nodePort);
    for (const port of spec.ports ?? []) {
      if (port.nodePort) continue;
      const shared = byPort.get(port.port) ?? give();
      if (shared === undefined) return full;
      byPort.set(port.port, shared);
      port.nodePort = shared;
    }
  }
  if (needsHealthCheckNodePort(spec) && !spec.healthCheckNodePort) {
    const port = give();
    if (port === undefined) return full;
    spec.healthCheckNodePort = port;
  }
  return [];
}
