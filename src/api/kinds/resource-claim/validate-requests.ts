/** What a claim asks for: devices, constraints between them, and configuration. Whether an expression compiles is not looked at here. */
import type { FieldError } from '../../definition.ts';
import type {
  DeviceClaim,
  DeviceClaimConfiguration,
  DeviceRequest,
  DeviceSelector,
  DeviceToleration,
} from '../../generated/types/resource-v1.ts';
import { fieldInvalid, fieldRequired, fieldTooLong } from '../../meta/field-error.ts';
import { dns1123Label, dns1123Subdomain, validLabelValue, validQualifiedName } from '../../meta/names.ts';
import { atMost, each, matches, oneOf, requiredName, requiredOneOf, unique } from '../checks.ts';
import { validateDriverName } from '../persistent-volume/validate-source.ts';

const maxItems = 32;
const maxSubRequests = 8;
const maxTolerations = 16;
const maxExpressionBytes = 10 * 1024;
const modes = ['All', 'ExactCount'];

export function validateDeviceClaim(claim: DeviceClaim | undefined, field: string): FieldError[] {
  const { requests = [], constraints = [], config = [] } = claim ?? {};
  const names = new Set(
    requests.flatMap(({ name, firstAvailable }) => [
      name,
      ...(firstAvailable ?? []).map((one) => `${name}/${one.name}`),
    ]),
  );
  const known = (list: readonly string[] | undefined, here: string): FieldError[] => [
    ...each(here, list, (name, at) =>
      names.has(name)
        ? []
        : [
            fieldInvalid(
              at,
              name,
              "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'",
            ),
          ],
    ),
    ...unique(
      list,
      (name) => name,
      (index) => `${here}[${index}]`,
    ),
  ];
  return [
    ...atMost(`${field}.requests`, requests, maxItems),
    ...each(`${field}.requests`, requests, validateRequest),
    ...unique(
      requests,
      ({ name }) => name,
      (index) => `${field}.requests[${index}]`,
    ),
    ...atMost(`${field}.constraints`, constraints, maxItems),
    ...each(`${field}.constraints`, constraints, ({ requests: list, matchAttribute, distinctAttribute }, here) => [
      ...known(list, `${here}.requests`),
      ...(matchAttribute || distinctAttribute
        ? matches(`${here}.matchAttribute`, matchAttribute, validQualifiedName)
        : [fieldRequired(`${here}.matchAttribute`)]),
    ]),
    ...atMost(`${field}.config`, config, maxItems),
    ...each(`${field}.config`, config, (one, here) => [
      ...known(one.requests, `${here}.requests`),
      ...validateConfig(one, here),
    ]),
  ];
}

function validateRequest({ name, exactly, firstAvailable }: DeviceRequest, field: string): FieldError[] {
  const errors = requiredName(`${field}.name`, name, dns1123Label);
  const both = exactly && (firstAvailable?.length ?? 0) > 0;
  if (both) {
    errors.push(
      fieldInvalid(field, '', 'exactly one of `exactly` or `firstAvailable` is required, but multiple fields are set'),
    );
  } else if (!exactly && (firstAvailable?.length ?? 0) === 0) {
    errors.push(fieldRequired(field, 'exactly one of `exactly` or `firstAvailable` is required'));
  }
  if (exactly) errors.push(...validateExactly(exactly, `${field}.exactly`));
  return [
    ...errors,
    ...atMost(`${field}.firstAvailable`, firstAvailable, maxSubRequests),
    ...each(`${field}.firstAvailable`, firstAvailable, (one, here) => [
      ...requiredName(`${here}.name`, one.name, dns1123Label),
      ...validateExactly(one, here),
    ]),
    ...unique(
      firstAvailable,
      (one) => one.name,
      (index) => `${field}.firstAvailable[${index}]`,
    ),
  ];
}

interface Wanted {
  readonly deviceClassName: string;
  readonly allocationMode?: string | undefined;
  readonly count?: number | undefined;
  readonly selectors?: readonly DeviceSelector[] | undefined;
  readonly tolerations?: readonly DeviceToleration[] | undefined;
}

function validateExactly(wanted: Wanted, field: string): FieldError[] {
  const { allocationMode = '', count = 0 } = wanted;
  const errors = [
    ...requiredName(`${field}.deviceClassName`, wanted.deviceClassName, dns1123Subdomain),
    ...validateSelectors(wanted.selectors, `${field}.selectors`),
    ...oneOf(`${field}.allocationMode`, allocationMode, modes),
  ];
  if (allocationMode === 'ExactCount' && count <= 0) {
    errors.push(fieldInvalid(`${field}.count`, count, 'must be greater than zero'));
  }
  if (allocationMode === 'All' && count !== 0) {
    errors.push(fieldInvalid(`${field}.count`, count, "must not be specified when allocationMode is 'All'"));
  }
  return [
    ...errors,
    ...atMost(`${field}.tolerations`, wanted.tolerations, maxTolerations),
    ...each(`${field}.tolerations`, wanted.tolerations, ({ key, operator, value, effect }, here) => [
      ...matches(`${here}.key`, key, validQualifiedName),
      ...requiredOneOf(`${here}.operator`, operator, ['Equal', 'Exists']),
      ...matches(`${here}.value`, value, validLabelValue),
      ...oneOf(`${here}.effect`, effect, ['NoExecute', 'NoSchedule', 'None']),
    ]),
  ];
}

export function validateSelectors(selectors: readonly DeviceSelector[] | undefined, field: string): FieldError[] {
  return [
    ...atMost(field, selectors, maxItems),
    ...each(field, selectors, ({ cel }, here) => {
      if (!cel) return [fieldRequired(`${here}.cel`)];
      if (!cel.expression) return [fieldRequired(`${here}.cel.expression`)];
      const isLong = Buffer.byteLength(cel.expression) > maxExpressionBytes;
      return isLong ? [fieldTooLong(`${here}.cel.expression`, maxExpressionBytes)] : [];
    }),
  ];
}

export function validateConfig({ opaque }: DeviceClaimConfiguration, field: string): FieldError[] {
  if (!opaque) return [fieldRequired(`${field}.opaque`)];
  const here = `${field}.opaque`;
  const errors = opaque.driver
    ? validateDriverName(`${here}.driver`, opaque.driver)
    : [fieldRequired(`${here}.driver`)];
  const { parameters } = opaque;
  if (parameters === undefined || parameters === null) return [...errors, fieldRequired(`${here}.parameters`)];
  if (typeof parameters === 'object' && !Array.isArray(parameters)) return errors;
  return [...errors, fieldInvalid(`${here}.parameters`, '<value omitted>', 'must be a valid JSON object')];
}
