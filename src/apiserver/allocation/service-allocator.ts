/**
 * Addresses and node ports of Services. An address is held by its IPAddress object, a node port by a key of ours; both are made in the
 * transaction that writes the Service, on condition that nobody has them: two masters cannot give out the same.
 */
import { isIP } from 'node:net';
import type { Service } from '../../api/generated/types/core-v1.ts';
import type { ServiceCIDR } from '../../api/generated/types/networking-v1.ts';
import { isHeadless, needsClusterIp } from '../../api/kinds/service/changes.ts';
import {
  type AddressRange,
  addressAt,
  canonicalAddress,
  type IpFamily,
  isInRange,
  usableRange,
} from '../../api/meta/address-range.ts';
import { fieldInvalid, invalid } from '../../api/meta/field-error.ts';
import { ApiError } from '../../api/status.ts';
import { encodeForStorage } from '../../api/storage-codec.ts';
import type { KubernetesObject } from '../../api/types.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Compare, Operation, Store } from '../../store/types.ts';
import type { TransactionPart } from '../admission/types.ts';
import { collectionRange, objectKey } from '../keys.ts';
import { decodeShared, recordOf } from '../object-record.ts';
import { ipAddresses, ipAddressObject, serviceCidrs } from './ip-address-object.ts';
import { setIpFamilies } from './ip-families.ts';
import { givePorts, holderOf, nodePortKey, portsOf } from './node-ports.ts';
import { pickFree, reservedAddresses } from './pick.ts';
import type { Allocator } from './types.ts';

export interface ServiceAllocatorOptions {
  readonly store: Store;
  /** Of the cluster's configuration, IPv4 or IPv6 first: says which families the cluster has, and which is the usual one. */
  readonly families: readonly IpFamily[];
  readonly clock: Clock;
  readonly newUid: () => string;
  /** A number in [0, 1). */
  readonly random: () => number;
}

const kind = { group: '', kind: 'Service' };

export class ServiceAllocator implements Allocator {
  readonly #options: ServiceAllocatorOptions;

  constructor(options: ServiceAllocatorOptions) {
    this.#options = options;
  }

  plan(object: KubernetesObject | undefined, old: KubernetesObject | undefined): TransactionPart {
    const [service, before] = [object as Service | undefined, old as Service | undefined];
    const part = { compare: [] as Compare[], success: [] as Operation[] };
    if (service?.spec) {
      this.#giveAddresses(service, before, part);
      this.#givePorts(service, before, part);
    }
    this.#release(service, before, part);
    return part;
  }

  #giveAddresses(service: Service, before: Service | undefined, part: Part): void {
    const spec = service.spec!;
    if (!needsClusterIp(spec)) return;
    const hadAddress = before?.spec !== undefined && needsClusterIp(before.spec);
    const errors = setIpFamilies(spec, this.#options.families, !hadAddress);
    const name = service.metadata?.name ?? '';
    if (errors.length > 0) throw invalid(kind, name, errors);
    if (isHeadless(spec)) {
      spec.clusterIP = 'None';
      spec.clusterIPs = ['None'];
      return;
    }
    const held = new Set(addressesOf(before));
    const ranges = this.#ranges();
    const given = (spec.ipFamilies ?? []).map((family, index) => {
      const asked = spec.clusterIPs?.[index];
      const address = asked ? canonicalAddress(asked) : this.#freeAddress(ranges, family as IpFamily);
      if (!held.has(address)) {
        if (asked) this.#checkAsked(service, asked, address, ranges);
        this.#take(service, address, part);
      }
      return asked ?? address;
    });
    spec.clusterIPs = given;
    spec.clusterIP = given[0]!;
  }

  #freeAddress(ranges: readonly AddressRange[], family: IpFamily): string {
    const mine = ranges.filter((range) => range.family === family);
    if (mine.length === 0) throw internal(`failed to allocate a serviceIP: no ${family} ServiceCIDR is there`);
    for (const range of mine) {
      const isFree = (offset: bigint): boolean => !this.#isTaken(addressAt(range, offset));
      const offset = pickFree(range.size, reservedAddresses(range.size), this.#options.random, isFree);
      if (offset !== undefined) return addressAt(range, offset);
    }
    throw internal('failed to allocate a serviceIP: range is full');
  }

  #checkAsked(service: Service, asked: string, address: string, ranges: readonly AddressRange[]): void {
    const fail = (why: string): ApiError => {
      const detail = `failed to allocate IP ${asked}: ${why}`;
      return invalid(kind, service.metadata?.name ?? '', [
        fieldInvalid('spec.clusterIPs', service.spec!.clusterIPs, detail),
      ]);
    };
    if (!ranges.some((range) => isInRange(range, address))) {
      throw fail('the provided network does not match the current range');
    }
    if (this.#isTaken(address)) throw fail('provided IP is already allocated');
  }

  #isTaken(address: string): boolean {
    return this.#options.store.get(objectKey(ipAddresses, undefined, address)) !== undefined;
  }

  #take(service: Service, address: string, part: Part): void {
    const key = objectKey(ipAddresses, undefined, address);
    const { clock, newUid } = this.#options;
    const value = encodeForStorage(ipAddressObject(address, service, newUid(), clock.nowMs()));
    part.compare.push({ key, target: 'version', operator: '=', operand: 0 });
    part.success.push({ type: 'put', key, value });
  }

  #givePorts(service: Service, before: Service | undefined, part: Part): void {
    const held = new Set(portsOf(before));
    const { store, random } = this.#options;
    const isFree = (port: number): boolean => store.get(nodePortKey(port)) === undefined;
    const errors = givePorts(service, held, isFree, random);
    if (typeof errors === 'string') throw internal(errors);
    if (errors.length > 0) throw invalid(kind, service.metadata?.name ?? '', errors);
    for (const port of new Set(portsOf(service))) {
      if (held.has(port)) continue;
      const key = nodePortKey(port);
      part.compare.push({ key, target: 'version', operator: '=', operand: 0 });
      part.success.push({ type: 'put', key, value: holderOf(service) });
    }
  }

  /** What the Service had and has no more. What another holds is left alone. */
  #release(service: Service | undefined, before: Service | undefined, part: Part): void {
    const addresses = new Set(addressesOf(service));
    for (const address of addressesOf(before)) {
      const key = objectKey(ipAddresses, undefined, address);
      if (!addresses.has(address) && this.#options.store.get(key)) part.success.push({ type: 'delete', key });
    }
    const ports = new Set(portsOf(service));
    for (const port of new Set(portsOf(before)))
      if (!ports.has(port)) part.success.push({ type: 'delete', key: nodePortKey(port) });
  }

  #ranges(): AddressRange[] {
    const { items } = this.#options.store.range(collectionRange(serviceCidrs, undefined));
    const objects = items.map((item) => decodeShared(recordOf(item)) as ServiceCIDR);
    return objects
      .filter(({ metadata, status }) => !metadata?.deletionTimestamp && isReady(status))
      .flatMap(({ spec }) => spec?.cidrs ?? [])
      .map(usableRange)
      .filter((range) => range !== undefined);
  }
}

type Part = { compare: Compare[]; success: Operation[] };

/** In canonical form. */
export function addressesOf(service: Service | undefined): string[] {
  return (service?.spec?.clusterIPs ?? []).filter((address) => isIP(address) > 0).map(canonicalAddress);
}

function isReady(status: ServiceCIDR['status']): boolean {
  return status?.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True') ?? false;
}

function internal(message: string): ApiError {
  return new ApiError('InternalError', `Internal error occurred: ${message}`);
}
