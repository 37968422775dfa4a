/** The query of a log request (`PodLogOptions`), checked as upstream does. */
import { ApiError, type StatusCause } from '../../api/status.ts';

export interface LogOptions {
  readonly follow: boolean;
  readonly previous: boolean;
  readonly timestamps: boolean;
  readonly tailLines: number | undefined;
  readonly limitBytes: number | undefined;
  /** Milliseconds since 1970. */
  readonly sinceMs: number | undefined;
}

/** @throws ApiError with reason `Invalid` or `BadRequest`. */
export function parseLogOptions(query: URLSearchParams, nowMs: number): LogOptions {
  const causes: StatusCause[] = [];
  const integer = (name: string, minimum: number): number | undefined => {
    const text = query.get(name);
    if (text === null || text === '') return undefined;
    if (!/^-?\d{1,15}$/.test(text))
      throw new ApiError('BadRequest', `query parameter ${name}: "${text}" is not a whole number`);
    const value = Number(text);
    if (value < minimum) {
      causes.push({
        reason: 'FieldValueInvalid',
        field: name,
        message: `Invalid value: ${value}: must be greater than or equal to ${minimum}`,
      });
    }
    return value;
  };
  const tailLines = integer('tailLines', 0);
  const limitBytes = integer('limitBytes', 1);
  const sinceSeconds = integer('sinceSeconds', 1);
  const sinceTime = query.get('sinceTime') || undefined;
  if (sinceTime !== undefined && Number.isNaN(Date.parse(sinceTime))) {
    throw new ApiError('BadRequest', `query parameter sinceTime: "${sinceTime}" is not a time in RFC 3339`);
  }
  if (sinceTime !== undefined && sinceSeconds !== undefined) {
    causes.push({
      reason: 'FieldValueForbidden',
      field: 'sinceTime',
      message: 'Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified',
    });
  }
  if (causes.length > 0) {
    const message = causes.map((cause) => `${cause.field}: ${cause.message}`).join(', ');
    throw new ApiError('Invalid', `PodLogOptions is invalid: ${message}`, { kind: 'PodLogOptions', causes });
  }
  return {
    follow: isTrue(query.get('follow')),
    previous: isTrue(query.get('previous')),
    timestamps: isTrue(query.get('timestamps')),
    tailLines,
    limitBytes,
    sinceMs:
      sinceTime !== undefined
        ? Date.parse(sinceTime)
        : sinceSeconds !== undefined
          ? nowMs - sinceSeconds * 1000
          : undefined,
  };
}

/** As Go parses booleans; the bare parameter counts as true. */
export function isTrue(value: string | null): boolean {
  return value !== null && ['', '1', 't', 'true'].includes(value.toLowerCase());
}
