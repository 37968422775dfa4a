/** What a request of the generic path tells admission. */
import type { RequestContext } from '../types.ts';
import type { AdmissionRequest } from './types.ts';

type Told = 'user' | 'signal' | 'warn' | 'annotate' | 'charge';

export function admissionRequest(context: RequestContext, rest: Omit<AdmissionRequest, Told>): AdmissionRequest {
  const { user, signal, warn, annotate } = context;
  return { ...rest, user, signal, warn, annotate };
}
