/** CertificateSigningRequests. */
import { X509Certificate } from 'node:crypto';
import type { FieldError } from '../../definition.ts';
import type { CertificateSigningRequest } from '../../generated/types/certificates-v1.ts';
import {
  fieldDuplicate,
  fieldForbidden,
  fieldInvalid,
  fieldNotSupported,
  fieldRequired,
} from '../../meta/field-error.ts';
import { each, required, requiredOneOf } from '../checks.ts';
import { signerNameProblems } from './signer-name.ts';

type Request = CertificateSigningRequest;

const minExpirationSeconds = 600;
const usages = [
  'any',
  'cert sign',
  'client auth',
  'code signing',
  'content commitment',
  'crl sign',
  'data encipherment',
  'decipher only',
  'digital signature',
  'email protection',
  'encipher only',
  'ipsec end system',
  'ipsec tunnel',
  'ipsec user',
  'key agreement',
  'key encipherment',
  'microsoft sgc',
  'netscape sgc',
  'ocsp signing',
  's/mime',
  'server auth',
  'signing',
  'timestamping',
];

export function validateRequest({ spec }: Request): FieldError[] {
  const { request = '', signerName = '', expirationSeconds: seconds } = spec ?? {};
  const given = spec?.usages ?? [];
  const errors: FieldError[] = [];
  if (!isPem(request, 'CERTIFICATE REQUEST')) {
    errors.push(fieldInvalid('spec.request', request, 'PEM block type must be CERTIFICATE REQUEST'));
  } else if (!isSignedSequence(derOf(request))) {
    errors.push(fieldInvalid('spec.request', request, 'asn1: structure error: not a PKCS #10 request'));
  }
  if (given.length === 0) errors.push(fieldRequired('spec.usages'));
  given.forEach((usage, index) => {
    const field = `spec.usages[${index}]`;
    if (!usages.includes(usage)) errors.push(fieldNotSupported(field, usage, usages));
    else if (given.indexOf(usage) < index) errors.push(fieldDuplicate(field, usage));
  });
  errors.push(...signerNameProblems('spec.signerName', signerName));
  if (seconds !== undefined && seconds < minExpirationSeconds) {
    const detail = `may not specify a duration less than ${minExpirationSeconds} seconds`;
    errors.push(fieldInvalid('spec.expirationSeconds', seconds, detail));
  }
  return errors;
}

/** Exactly one block of that type, and nothing before it. */
function isPem(base64: string, type: string): boolean {
  const text = Buffer.from(base64, 'base64').toString('latin1');
  const escaped = type.replace(/[^A-Z ]/g, '');
  return new RegExp(`^\\s*-----BEGIN ${escaped}-----\\r?\\n[A-Za-z0-9+/=\\s]+-----END ${escaped}-----\\s*$`).test(text);
}

function derOf(base64: string): Buffer {
  const text = Buffer.from(base64, 'base64').toString('latin1');
  return Buffer.from(text.replace(/-----[^-]+-----/g, ''), 'base64');
}

const sequence = 0x30;
const bitString = 0x03;

/** What a PKCS #10 request is on the outside: what is signed, how, and the signature. Its signer looks inside. */
function isSignedSequence(der: Buffer): boolean {
  const outer = elementAt(der, 0);
  if (outer?.tag !== sequence || outer.end !== der.length) return false;
  const tags: number[] = [];
  let at = outer.start;
  while (at < outer.end) {
    const element = elementAt(der, at);
    if (!element || element.end > outer.end) return false;
    tags.push(element.tag);
    at = element.end;
  }
  return tags.length === 3 && tags[0] === sequence && tags[1] === sequence && tags[2] === bitString;
}

function elementAt(der: Buffer, at: number): { tag: number; start: number; end: number } | undefined {
  const tag = der[at];
  const first = der[at + 1];
  if (tag === undefined || first === undefined) return undefined;
  if (first < 0x80) return { tag, start: at + 2, end: at + 2 + first };
  const lengthBytes = first & 0x7f;
  const start = at + 2 + lengthBytes;
  if (lengthBytes === 0 || lengthBytes > 4 || start > der.length) return undefined;
  return { tag, start, end: start + der.readUIntBE(at + 2, lengthBytes) };
}

function validateConditions({ status }: Request, old: Request): FieldError[] {
  const field = 'status.conditions';
  const conditions = status?.conditions ?? [];
  const seen = new Set<string>();
  const errors = each(field, conditions, ({ type, status: value }, here) => {
    const found = required(`${here}.type`, type);
    const decides = type === 'Approved' || type === 'Denied' || type === 'Failed';
    const allowed = decides ? ['True'] : ['False', 'True', 'Unknown'];
    found.push(...requiredOneOf(`${here}.status`, value, allowed));
    if (seen.has(type)) found.push(fieldDuplicate(`${here}.type`, type));
    seen.add(type);
    return found;
  });
  if (seen.has('Approved') && seen.has('Denied')) {
    errors.push(fieldInvalid(field, 'Denied', 'Approved and Denied conditions are mutually exclusive'));
  }
  // What was decided stays decided.
  for (const { type } of old.status?.conditions ?? []) {
    if (['Approved', 'Denied', 'Failed'].includes(type) && !seen.has(type)) {
      errors.push(fieldForbidden(field, `updates may not remove a condition of type ${JSON.stringify(type)}`));
    }
  }
  return errors;
}

export function validateApproval(request: Request, old: Request): FieldError[] {
  const errors = validateConditions(request, old);
  for (const type of ['Approved', 'Denied']) {
    const has = ({ status }: Request) => status?.conditions?.some((one) => one.type === type) ?? false;
    if (has(old) || !has(request) || !old.status?.certificate) continue;
    errors.push(fieldForbidden('status.conditions', `updates may not add a condition of type ${JSON.stringify(type)}`));
  }
  return errors;
}

export function validateSigning(request: Request, old: Request): FieldError[] {
  const field = 'status.certificate';
  const errors = validateConditions(request, old);
  const certificate = request.status?.certificate ?? '';
  const before = old.status?.certificate ?? '';
  if (before !== '' && certificate !== before) {
    errors.push(
      fieldForbidden(field, 'updates may not set certificate content if existing certificate content is not empty'),
    );
  }
  if (certificate !== '' && certificate !== before && !isChain(certificate)) {
    errors.push(fieldInvalid(field, '<certificate data>', 'must be PEM with at least one CERTIFICATE block'));
  }
  return errors;
}

function isChain(base64: string): boolean {
  const blocks = Buffer.from(base64, 'base64')
    .toString('latin1')
    .match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g);
  try {
    return (blocks ?? []).map((block) => new X509Certificate(block)).length > 0;
  } catch {
    return false;
  }
}
