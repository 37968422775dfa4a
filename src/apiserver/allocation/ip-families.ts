/** Which families of addresses a Service has: its own words, the cluster's families and upstream's rules. Pure. */
import { isIP } from 'node:net';
import type { FieldError } from '../../api/definition.ts';
import type { ServiceSpec } from '../../api/generated/types/core-v1.ts';
import { isHeadless } from '../../api/kinds/service/changes.ts';
import { familyOf, type IpFamily } from '../../api/meta/address-range.ts';
import { fieldInvalid } from '../../api/meta/field-error.ts';

/** Sets `ipFamilies` and `ipFamilyPolicy`, in place. `cluster`: the families that the cluster has, the first is the usual one. */
export function setIpFamilies(spec: ServiceSpec, cluster: readonly IpFamily[], isNew: boolean): FieldError[] {
  const families = (spec.ipFamilies ?? []) as IpFamily[];
  const addresses = (spec.clusterIPs ?? []).filter((address) => isIP(address) > 0);
  const wasTold = spec.ipFamilyPolicy !== undefined;
  const withoutSelector = isHeadless(spec) && Object.keys(spec.selector ?? {}).length === 0;
  spec.ipFamilyPolicy ??= isNew && withoutSelector ? 'RequireDualStack' : 'SingleStack';
  const errors = [
    ...conflicts(spec, families, addresses),
    ...countErrors(spec, families, addresses, wasTold || !withoutSelector),
  ];
  if (errors.length > 0) return errors;

  const chosen = families.length > 0 ? [...families] : addresses.map(familyOf);
  for (const address of addresses.slice(chosen.length)) chosen.push(familyOf(address));
  if (withoutSelector) {
    // Its endpoints are whatever its owner writes: the cluster's families do not bind them.
    if (chosen.length === 0) chosen.push(cluster[0]!);
    if (spec.ipFamilyPolicy !== 'SingleStack' && chosen.length === 1) chosen.push(otherFamily(chosen[0]!));
    spec.ipFamilies = chosen;
    return [];
  }
  for (const [index, family] of chosen.entries()) {
    if (cluster.includes(family)) continue;
    const fromAddress = index >= families.length;
    return [
      fieldInvalid(
        fromAddress ? `spec.clusterIPs[${index}]` : `spec.ipFamilies[${index}]`,
        fromAddress ? spec.clusterIPs : family,
        fromAddress ? `${family} is not configured on this cluster` : 'not configured on this cluster',
      ),
    ];
  }
  if (spec.ipFamilyPolicy === 'RequireDualStack' && cluster.length < 2) {
    const detail = 'this cluster is not configured for dual-stack services';
    return [fieldInvalid('spec.ipFamilyPolicy', spec.ipFamilyPolicy, detail)];
  }
  if (chosen.length === 0) chosen.push(cluster[0]!);
  if (spec.ipFamilyPolicy !== 'SingleStack' && chosen.length === 1 && cluster.length > 1)
    chosen.push(otherFamily(chosen[0]!));
  spec.ipFamilies = chosen;
  return [];
}

function conflicts(spec: ServiceSpec, families: readonly IpFamily[], addresses: readonly string[]): FieldError[] {
  return addresses.flatMap((address, index) => {
    const family = families[index];
    if (family === undefined || familyOf(address) === family) return [];
    const detail = `expected an ${family} value as indicated by \`ipFamilies[${index}]\``;
    return [fieldInvalid(`spec.clusterIPs[${index}]`, spec.clusterIPs![index], detail)];
  });
}

function countErrors(
  spec: ServiceSpec,
  families: readonly string[],
  addresses: readonly string[],
  matters: boolean,
): FieldError[] {
  if (!matters || spec.ipFamilyPolicy !== 'SingleStack') return [];
  const detail = (what: string): string =>
    `must be 'RequireDualStack' or 'PreferDualStack' when multiple ${what} are specified`;
  if (addresses.length > 1) return [fieldInvalid('spec.ipFamilyPolicy', spec.ipFamilyPolicy, detail('cluster IPs'))];
  if (families.length > 1) return [fieldInvalid('spec.ipFamilyPolicy', spec.ipFamilyPolicy, detail('IP families'))];
  return [];
}

function otherFamily(family: IpFamily): IpFamily {
  return family === 'IPv4' ? 'IPv6' : 'IPv4';
}
