/** networking.k8s.io/v1 IPAddress: who has an address of a ServiceCIDR. Its name is the address. */
import type { IPAddress } from '../../generated/types/networking-v1.ts';
import { fieldRequired } from '../../meta/field-error.ts';
import { validIp } from '../../meta/ip.ts';
import { dns1123Subdomain, validPathSegment } from '../../meta/names.ts';
import { column, nameColumn } from '../../table/column.ts';
import { none } from '../../table/format.ts';
import { immutable, matches, requiredName } from '../checks.ts';
import { defineKind } from '../define.ts';
import { typedStrategy } from '../strategy.ts';

export const ipAddressDefinition = defineKind({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'IPAddress',
  resource: 'ipaddresses',
  singular: 'ipaddress',
  namespaced: false,
  shortNames: ['ip'],
  allColumns: [
    nameColumn,
    column<IPAddress>('ParentRef', 'What has it.', ({ spec }) => {
      const { parentRef } = spec ?? {};
      if (!parentRef) return none;
      const { group, resource = '', namespace, name } = parentRef;
      return [`${resource}${group ? `.${group}` : ''}`.toLowerCase(), namespace, name].filter(Boolean).join('/');
    }),
  ],
  strategy: typedStrategy<IPAddress>({
    validateName: validIp,
    validate({ spec }) {
      const parent = spec?.parentRef;
      const field = 'spec.parentRef';
      if (!parent) return [fieldRequired(field)];
      return [
        ...matches(`${field}.group`, parent.group, dns1123Subdomain),
        ...requiredName(`${field}.resource`, parent.resource, validPathSegment),
        ...requiredName(`${field}.name`, parent.name, validPathSegment),
        ...matches(`${field}.namespace`, parent.namespace, validPathSegment),
      ];
    },
    validateUpdate: ({ spec }, old) => immutable('spec.parentRef', spec?.parentRef, old.spec?.parentRef),
  }),
});
