/** How a CustomResourceDefinition converts between its versions. */
import type { FieldError } from '../../definition.ts';
import type { CustomResourceConversion } from '../../generated/types/apiextensions-v1.ts';
import { fieldForbidden, fieldInvalid, fieldNotSupported, fieldRequired } from '../../meta/field-error.ts';
import { dns1035Label } from '../../meta/names.ts';

const field = 'spec.conversion';
const config = `${field}.webhookClientConfig`;
/** Of ConversionReview, that this server speaks. */
const reviewVersions = ['v1', 'v1beta1'];

export function validateConversion(conversion: CustomResourceConversion | undefined): FieldError[] {
  if (!conversion) return [];
  const { strategy, webhook } = conversion;
  if (!strategy) return [fieldRequired(`${field}.strategy`)];
  if (strategy !== 'None' && strategy !== 'Webhook') {
    return [fieldNotSupported(`${field}.strategy`, strategy, ['None', 'Webhook'])];
  }
  const versions = webhook?.conversionReviewVersions ?? [];
  if (strategy === 'None') {
    const why = 'should not be set when strategy is not set to Webhook';
    return [
      ...(webhook?.clientConfig ? [fieldForbidden(config, why)] : []),
      ...(versions.length > 0 ? [fieldForbidden(`${field}.conversionReviewVersions`, why)] : []),
    ];
  }
  return [...clientConfig(webhook?.clientConfig), ...recognized(versions)];
}

function clientConfig(client: NonNullable<CustomResourceConversion['webhook']>['clientConfig']): FieldError[] {
  if (!client) return [fieldRequired(config, 'required when strategy is set to Webhook')];
  const errors: FieldError[] = [];
  const { url, service } = client;
  if ((url === undefined) === (service === undefined)) {
    errors.push(fieldRequired(config, 'exactly one of url or service is required'));
  } else if (url !== undefined) errors.push(...webhookUrl(url));
  else if (service) {
    if (!service.name) errors.push(fieldRequired(`${config}.service.name`, 'service name is required'));
    if (!service.namespace) errors.push(fieldRequired(`${config}.service.namespace`, 'service namespace is required'));
    const port = service.port ?? 443;
    if (port < 1 || port > 65535) {
      const why = 'port is not valid: must be between 1 and 65535, inclusive';
      errors.push(fieldInvalid(`${config}.service.port`, port, why));
    }
    if (service.path !== undefined && !service.path.startsWith('/')) {
      errors.push(fieldInvalid(`${config}.service.path`, service.path, "must start with a '/'"));
    }
  }
  return errors;
}

function webhookUrl(text: string): FieldError[] {
  const form = 'https://host[/path]';
  const invalid = (value: string, why: string) => fieldInvalid(`${config}.url`, value, why);
  if (!URL.canParse(text)) {
    return [
      fieldRequired(`${config}.url`, `url must be a valid URL: parse ${JSON.stringify(text)}; desired format: ${form}`),
    ];
  }
  const url = new URL(text);
  const errors: FieldError[] = [];
  if (url.protocol !== 'https:') {
    errors.push(invalid(url.protocol.slice(0, -1), `'https' is the only allowed URL scheme; desired format: ${form}`));
  }
  if (url.host === '') errors.push(invalid('', `host must be specified; desired format: ${form}`));
  if (url.username || url.password) errors.push(invalid(url.username, 'user information is not permitted in the URL'));
  if (url.hash) errors.push(invalid(url.hash.slice(1), 'fragments are not permitted in the URL'));
  if (url.search) errors.push(invalid(url.search.slice(1), 'query parameters are not permitted in the URL'));
  return errors;
}

function recognized(versions: readonly string[]): FieldError[] {
  const here = `${field}.conversionReviewVersions`;
  if (versions.length === 0) return [fieldRequired(here)];
  const errors: FieldError[] = [];
  for (const [index, version] of versions.entries()) {
    if (versions.indexOf(version) < index) errors.push(fieldInvalid(`${here}[${index}]`, version, 'duplicate version'));
    const problem = dns1035Label(version);
    if (problem) errors.push(fieldInvalid(`${here}[${index}]`, version, problem));
  }
  if (!versions.some((version) => reviewVersions.includes(version))) {
    const why = `must include at least one of ${reviewVersions.join(', ')}`;
    errors.push(fieldInvalid(here, versions, why));
  }
  return errors;
}
