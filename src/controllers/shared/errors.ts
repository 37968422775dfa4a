import { ApiError } from '../../api/status.ts';

/** In a namespace that is going away nothing can be created, and nothing is to be: no failure for a controller. */
export function isNamespaceTerminating(error: unknown): boolean {
  return (
    error instanceof ApiError && (error.details?.causes ?? []).some(({ reason }) => reason === 'NamespaceTerminating')
  );
}
