/** Names of signers: `example.com/some-signer`. */
import type { FieldError } from '../../definition.ts';
import { fieldInvalid, fieldRequired } from '../../meta/field-error.ts';
import { dns1123Label, dns1123Subdomain } from '../../meta/names.ts';

const maxDomainLength = 253;
const maxLength = 571;

export function signerNameProblems(field: string, name: string): FieldError[] {
  if (name === '') return [fieldRequired(field)];
  const [domain = '', path, ...rest] = name.split('/');
  if (path === undefined || rest.length > 0) {
    return [
      fieldInvalid(field, name, "must be a fully qualified domain and path of the form 'example.com/signer-name'"),
    ];
  }
  const errors: FieldError[] = [];
  const problem = dns1123Subdomain(domain);
  if (problem) errors.push(fieldInvalid(field, domain, `validating label ${JSON.stringify(domain)}: ${problem}`));
  if (domain.split('.').length < 2) {
    errors.push(fieldInvalid(field, domain, 'should be a domain with at least two segments separated by dots'));
  }
  for (const label of path.split('.')) {
    const wrong = dns1123Label(label);
    if (wrong) errors.push(fieldInvalid(field, path, `validating label ${JSON.stringify(label)}: ${wrong}`));
  }
  if (domain.length > maxDomainLength || name.length > maxLength) {
    errors.push(fieldInvalid(field, name, `must be no more than ${maxLength} characters`));
  }
  return errors;
}
