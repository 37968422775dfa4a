/**
 * Values against a structural schema, in the words of upstream's validator. Of a change, what is as it was before is not held
 * against it (ratcheting): a schema may become stricter without locking anybody out.
 */
import { compilePattern } from '../../../lib/cel/functions/patterns.ts';
import { codePoints } from '../../../lib/cel/values.ts';
import { canonicalJson } from '../../canonical-json.ts';
import type { FieldError } from '../../definition.ts';
import { fieldInvalid, fieldNotSupported, fieldRequired, fieldTooLong, fieldTooMany } from '../../meta/field-error.ts';
import { correlate, unchanged } from './correlate.ts';
import { matchesFormat } from './formats.ts';
import { additionalSchema, childPath, isJsonObject, type JsonObject, type StructuralSchema } from './schema.ts';

/** More are not told. */
const maxErrors = 200;

/** What was there before. */
export interface Before {
  readonly value: unknown;
}

export function validateBySchema(value: unknown, schema: StructuralSchema, before?: Before, path = ''): FieldError[] {
  const validator = new Validator();
  validator.value(value, schema, path, before);
  return validator.errors;
}

class Validator {
  readonly errors: FieldError[] = [];

  value(value: unknown, schema: StructuralSchema, path: string, before?: Before): void {
    if (this.errors.length >= maxErrors || unchanged(value, before)) return;
    this.#type(value, schema, path);
    if (value === null || value === undefined) {
      if (!schema.nullable) this.#enum(value, schema, path);
      return;
    }
    this.#logic(value, schema, path);
    if (typeof value === 'string') this.#string(value, schema, path);
    else if (typeof value === 'number') this.#number(value, schema, path);
    else if (Array.isArray(value)) this.#array(value, schema, path, before);
    this.#enum(value, schema, path);
    if (isJsonObject(value)) this.#object(value, schema, path, before);
  }

  #invalid(path: string, value: unknown, why: string): void {
    this.errors.push(fieldInvalid(path, value, `${path} in body ${why}`));
  }

  #wrongType(path: string, value: unknown, why: string): void {
    this.errors.push({ ...fieldInvalid(path, value, why), reason: 'FieldValueTypeInvalid' });
  }

  #type(value: unknown, schema: StructuralSchema, path: string): void {
    const wanted = schema['x-kubernetes-int-or-string'] ? ['integer', 'string'] : schema.type ? [schema.type] : [];
    if (wanted.length === 0) return;
    if (value === null || value === undefined) {
      if (!schema.nullable) this.#typeMismatch(path, wanted, 'null');
      return;
    }
    const type = typeOf(value);
    const fits = wanted.includes(type) || (type === 'integer' && wanted.includes('number'));
    if (!fits) this.#typeMismatch(path, wanted, type);
  }

  #typeMismatch(path: string, wanted: readonly string[], found: string): void {
    const place = path === '' ? '' : path;
    this.#wrongType(path, found, `${place} in body must be of type ${wanted.join(',')}: ${JSON.stringify(found)}`);
  }

  #logic(value: unknown, schema: StructuralSchema, path: string): void {
    const about = (why: string) => this.errors.push(fieldInvalid('<nil>', '', `${JSON.stringify(path)} ${why}`));
    const { allOf = [], anyOf = [], oneOf = [], not } = schema;
    if (anyOf.length > 0) {
      const results = anyOf.map((one) => validateBySchema(value, one, undefined, path));
      if (results.every((errors) => errors.length > 0)) {
        about('must validate at least one schema (anyOf)');
        this.errors.push(...closest(results));
      }
    }
    if (oneOf.length > 0) {
      const results = oneOf.map((one) => validateBySchema(value, one, undefined, path));
      const valid = results.filter((errors) => errors.length === 0).length;
      if (valid === 0) {
        about('must validate one and only one schema (oneOf). Found none valid');
        this.errors.push(...closest(results));
      } else if (valid > 1) about(`must validate one and only one schema (oneOf). Found ${valid} valid alternatives`);
    }
    const failed = allOf.map((one) => validateBySchema(value, one, undefined, path));
    const valid = failed.filter((errors) => errors.length === 0).length;
    for (const errors of failed) this.errors.push(...errors);
    if (valid < allOf.length) {
      about(`must validate all the schemas (allOf)${valid === 0 ? '. None validated' : ''}`);
    }
    if (not && validateBySchema(value, not, undefined, path).length === 0) {
      about('must not validate the schema (not)');
    }
  }

  #string(value: string, schema: StructuralSchema, path: string): void {
    const { maxLength, minLength, pattern, format } = schema;
    if (maxLength !== undefined || minLength !== undefined) {
      const length = codePoints(value);
      if (maxLength !== undefined && length > maxLength) this.errors.push(fieldTooLong(path, maxLength));
      if (minLength !== undefined && length < minLength) {
        this.#invalid(path, value, `should be at least ${minLength} chars long`);
      }
    }
    if (pattern && !compilePattern(pattern).matcher(value).find()) {
      this.#invalid(path, value, `should match '${pattern}'`);
    }
    if (format && !matchesFormat(format, value)) {
      this.#wrongType(path, value, `${path} in body must be of type ${format}: ${JSON.stringify(value)}`);
    }
  }

  #number(value: number, schema: StructuralSchema, path: string): void {
    const { minimum, maximum, multipleOf } = schema;
    if (maximum !== undefined && (schema.exclusiveMaximum ? value >= maximum : value > maximum)) {
      this.#invalid(path, value, `should be less than ${schema.exclusiveMaximum ? '' : 'or equal to '}${maximum}`);
    }
    if (minimum !== undefined && (schema.exclusiveMinimum ? value <= minimum : value < minimum)) {
      this.#invalid(path, value, `should be greater than ${schema.exclusiveMinimum ? '' : 'or equal to '}${minimum}`);
    }
    if (multipleOf && !isMultiple(value, multipleOf)) {
      this.#invalid(path, value, `should be a multiple of ${multipleOf}`);
    }
  }

  #array(value: readonly unknown[], schema: StructuralSchema, path: string, before?: Before): void {
    const { items, minItems, maxItems, uniqueItems } = schema;
    if (items) {
      const olds = correlate(value, schema, before);
      for (const [index, item] of value.entries()) this.value(item, items, `${path}[${index}]`, olds(item, index));
    }
    if (minItems !== undefined && value.length < minItems) {
      this.#invalid(path, value.length, `should have at least ${minItems} items`);
    }
    if (maxItems !== undefined && value.length > maxItems) this.errors.push(fieldTooMany(path, value.length, maxItems));
    if (uniqueItems && new Set(value.map((item) => canonicalJson(item))).size < value.length) {
      this.#invalid(path, '', "shouldn't contain duplicates");
    }
  }

  #enum(value: unknown, schema: StructuralSchema, path: string): void {
    if (!schema.enum || schema.enum.length === 0) return;
    const given = canonicalJson(value ?? null);
    if (schema.enum.some((allowed) => canonicalJson(allowed) === given)) return;
    const supported = schema.enum.map((one) => (typeof one === 'string' ? one : JSON.stringify(one)));
    this.errors.push(fieldNotSupported(path, value ?? null, supported));
  }

  #object(value: JsonObject, schema: StructuralSchema, path: string, before?: Before): void {
    const count = Object.keys(value).length;
    const { minProperties, maxProperties, required = [], properties = {} } = schema;
    if (minProperties !== undefined && count < minProperties) {
      this.#invalid(path, count, `should have at least ${minProperties} properties`);
    }
    if (maxProperties !== undefined && count > maxProperties) {
      this.errors.push(fieldTooMany(path, count, maxProperties));
    }
    for (const name of required) {
      if (!Object.hasOwn(value, name) || value[name] === undefined) {
        this.errors.push(fieldRequired(childPath(path, name)));
      }
    }
    const old = before && isJsonObject(before.value) ? before.value : undefined;
    const additional = additionalSchema(schema);
    for (const [key, inner] of Object.entries(value)) {
      const property = Object.hasOwn(properties, key) ? properties[key] : additional;
      if (!property || inner === undefined) continue;
      const was = old && Object.hasOwn(old, key) ? { value: old[key] } : undefined;
      this.value(inner, property, childPath(path, key), was);
    }
  }
}

function typeOf(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value === 'object' ? 'object' : typeof value;
}

function isMultiple(value: number, factor: number): boolean {
  const quotient = value / factor;
  return Math.abs(quotient - Math.round(quotient)) < 1e-9;
}

/** Of alternatives that all failed: what the one that came closest lacks. */
function closest(results: readonly FieldError[][]): FieldError[] {
  return results.reduce((best, errors) => (errors.length < best.length ? errors : best));
}
