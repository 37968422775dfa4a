/** A pod that names no ServiceAccount runs as `default` of its namespace. */
import { podBeingWritten } from './pod-requests.ts';
import type { AdmissionPlugin } from './types.ts';

export const defaultServiceAccount: AdmissionPlugin = (request) => {
  const spec = podBeingWritten(request, 'CREATE')?.spec;
  if (!spec) return;
  spec.serviceAccountName ||= spec.serviceAccount || 'default';
  // The deprecated name of the same field is kept equal, as upstream does.
  spec.serviceAccount = spec.serviceAccountName;
};
